"""Playing a scene in the real Box2D."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import Box2D
import numpy as np

STEP = (1.0 / 50.0, 180, 60)
"""What Gymnasium's environments pass to every step: seconds, velocity iterations, position iterations."""


class Listener(Box2D.b2ContactListener):  # type: ignore[misc]
    """Notes which fixtures begin and cease to touch."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[int] = []

    def BeginContact(self, contact: Any) -> None:
        self.events += [1, contact.fixtureA.userData, contact.fixtureB.userData]

    def EndContact(self, contact: Any) -> None:
        self.events += [0, contact.fixtureA.userData, contact.fixtureB.userData]


class Nearest(Box2D.b2RayCastCallback):  # type: ignore[misc]
    """Looks for the nearest fixture of some categories."""

    def __init__(self, mask: int) -> None:
        super().__init__()
        self.mask, self.fraction = mask, 1.0

    def ReportFixture(self, fixture: Any, point: Any, normal: Any, fraction: float) -> float:
        if not fixture.filterData.categoryBits & self.mask:
            return -1.0
        self.fraction = fraction
        return fraction


class Stage:
    """A Box2D world, the parts by number, and what the letters mean."""

    def __init__(self) -> None:
        self.world = Box2D.b2World(gravity=(0, 0))
        self.listener = Listener()
        self.world.contactListener = self.listener
        self.bodies: list[Any] = []
        self.fixtures = 0
        self.joints: list[Any] = []
        self.letters: dict[str, list[str]] = {}
        self.time = STEP
        self.rays: list[tuple[int, Any, int]] = []

    def run(self, command: str) -> Iterator[list[int]]:
        """Carries out a command; yields the state after each step."""
        name, *words = command.split()
        if name == "steps":
            for letter in words[0]:
                if letter != ".":
                    action, *arguments = self.letters[letter]
                    getattr(self, f"do_{action}")(*arguments)
                self.world.Step(*self.time)
                self.world.ClearForces()
                yield self.state()
                self.listener.events.clear()
        else:
            getattr(self, f"do_{name}")(*words)

    def do_gravity(self, x: str, y: str) -> None:
        self.world.gravity = (float(x), float(y))

    def do_time(self, duration: str, velocity_iterations: str, position_iterations: str) -> None:
        self.time = (float(duration), int(velocity_iterations), int(position_iterations))

    def do_body(self, kind: str, *numbers: str) -> None:
        x, y, angle, linear, angular = map(float, numbers)
        create = self.world.CreateStaticBody if kind == "static" else self.world.CreateDynamicBody
        self.bodies.append(create(position=(x, y), angle=angle, linearDamping=linear, angularDamping=angular))

    def add_fixture(self, shape: Any, body: str, surface: tuple[str, ...]) -> None:
        density, friction, restitution = map(float, surface[:3])
        category, mask, group, sensor = map(int, surface[3:])
        definition = Box2D.b2FixtureDef(
            shape=shape,
            density=density,
            friction=friction,
            restitution=restitution,
            categoryBits=category,
            maskBits=mask,
            groupIndex=group,
            isSensor=bool(sensor),
        )
        self.bodies[int(body)].CreateFixture(definition).userData = self.fixtures
        self.fixtures += 1

    @staticmethod
    def points(words: tuple[str, ...]) -> list[tuple[float, float]]:
        values = list(map(float, words))
        return list(zip(values[::2], values[1::2], strict=True))

    def do_edge(self, body: str, *words: str) -> None:
        self.add_fixture(Box2D.b2EdgeShape(vertices=self.points(words[7:])), body, words[:7])

    def do_box(self, body: str, *words: str) -> None:
        self.add_fixture(Box2D.b2PolygonShape(box=self.points(words[7:])[0]), body, words[:7])

    def do_polygon(self, body: str, *words: str) -> None:
        self.add_fixture(Box2D.b2PolygonShape(vertices=self.points(words[7:])), body, words[:7])

    def do_joint(self, a: str, b: str, *words: str) -> None:
        ax, ay, bx, by, reference, limit, lower, upper, motor, speed, torque = map(float, words)
        definition = Box2D.b2RevoluteJointDef(
            bodyA=self.bodies[int(a)],
            bodyB=self.bodies[int(b)],
            localAnchorA=(ax, ay),
            localAnchorB=(bx, by),
            referenceAngle=reference,
            enableLimit=bool(limit),
            lowerAngle=lower,
            upperAngle=upper,
            enableMotor=bool(motor),
            motorSpeed=speed,
            maxMotorTorque=torque,
        )
        self.joints.append(self.world.CreateJoint(definition))

    def do_destroy(self, body: str) -> None:
        doomed = self.bodies[int(body)]
        for edge in doomed.joints:
            self.joints = [None if joint == edge.joint else joint for joint in self.joints]
        self.world.DestroyBody(doomed)
        self.bodies[int(body)] = None

    def do_on(self, letter: str, *command: str) -> None:
        self.letters[letter] = list(command)

    def do_impulse(self, body: str, *numbers: str) -> None:
        """`impulse BODY X Y AT_X AT_Y`, all in the body's frame."""
        x, y, at_x, at_y = map(float, numbers)
        target = self.bodies[int(body)]
        target.ApplyLinearImpulse(target.GetWorldVector((x, y)), target.GetWorldPoint((at_x, at_y)), True)

    def do_push(self, body: str, *numbers: str) -> None:
        """`push BODY X Y AT_X AT_Y`: a force, all in the body's frame."""
        x, y, at_x, at_y = map(float, numbers)
        target = self.bodies[int(body)]
        target.ApplyForce(target.GetWorldVector((x, y)), target.GetWorldPoint((at_x, at_y)), True)

    def do_drag(self, body: str, factor: str) -> None:
        """`drag BODY FACTOR`: a force at the centre against the velocity."""
        target = self.bodies[int(body)]
        factor32 = np.float32(factor)
        force = [float(-factor32 * np.float32(value)) for value in target.linearVelocity]
        target.ApplyForceToCenter(force, True)

    def do_force(self, body: str, x: str, y: str, wake: str) -> None:
        self.bodies[int(body)].ApplyForceToCenter((float(x), float(y)), bool(int(wake)))

    def do_torque(self, body: str, torque: str) -> None:
        self.bodies[int(body)].ApplyTorque(float(torque), True)

    def do_velocity(self, body: str, x: str, y: str) -> None:
        self.bodies[int(body)].linearVelocity = (float(x), float(y))

    def do_spin(self, body: str, angular_velocity: str) -> None:
        self.bodies[int(body)].angularVelocity = float(angular_velocity)

    def do_speed(self, joint: str, speed: str) -> None:
        self.joints[int(joint)].motorSpeed = float(speed)

    def do_strength(self, joint: str, torque: str) -> None:
        self.joints[int(joint)].maxMotorTorque = float(torque)

    def do_ray(self, body: str, x: str, y: str, mask: str) -> None:
        """`ray BODY X Y MASK`: after every step, from the body's place by (X, Y), seeing the categories in MASK."""
        self.rays.append((int(body), np.array([x, y], np.float32), int(mask)))

    def fractions(self) -> list[float]:
        """How far the rays reach."""
        found = []
        for body, way, mask in self.rays:
            nearest = Nearest(mask)
            start = np.array(self.bodies[body].position, np.float32)
            self.world.RayCast(nearest, tuple(map(float, start)), tuple(map(float, start + way)))
            found.append(nearest.fraction)
        return found

    def state(self) -> list[int]:
        """Everything that can be read of the world, as 32-bit words."""
        words: list[int] = []

        def add(*numbers: float) -> None:
            words.extend(struct.unpack(f"<{len(numbers)}I", struct.pack(f"<{len(numbers)}f", *numbers)))

        for body in self.bodies:
            if body is not None:
                add(*body.position, body.angle, *body.worldCenter, *body.linearVelocity, body.angularVelocity)
                words.append(int(body.awake))
        for joint in self.joints:
            if joint is not None:
                add(*joint.GetReactionForce(1.0), joint.GetReactionTorque(1.0), joint.GetMotorTorque(1.0))
        contacts = list(reversed(self.world.contacts))  # pybox2d turns Box2D's list, newest first, around
        words.append(len(contacts))
        for contact in contacts:
            manifold = contact.manifold
            words += [contact.fixtureA.userData, contact.fixtureB.userData, int(contact.touching), manifold.pointCount]
            if manifold.pointCount > 0:
                words.append(manifold.type_)
                add(*manifold.localNormal, *manifold.localPoint)
            for point in manifold.points[: manifold.pointCount]:
                add(*point.localPoint, point.normalImpulse, point.tangentImpulse)
                words.append(point.id.key)
        words += [len(self.listener.events) // 3, *self.listener.events]
        add(*self.fractions())
        return words
