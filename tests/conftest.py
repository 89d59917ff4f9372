"""What all tests share."""

from __future__ import annotations

import signal

# A shell starts background jobs with SIGINT ignored, and children inherit that: Ctrl-C tests would hang there.
signal.signal(signal.SIGINT, signal.default_int_handler)
