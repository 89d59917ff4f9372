// Search in pages that are opened from the disk. Material searches in a Worker, which browsers do not start from file://;
// this one runs the same script in a hidden frame. Material asks for a global of this name where it loads a language.
//
// Material's offline plugin would fetch such a script from a CDN, unless one is named in `extra.polyfills` of mkdocs.yml.
if (location.protocol === "file:") {
  window.IFrameWorker = class IFrameWorker extends EventTarget {
    #scope; // the frame's window, the worker's global
    #loaded; // a promise: messages sent before wait for it

    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "search";
      document.body.append(frame);
      this.#scope = frame.contentWindow;
      this.#scope.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.#scope.importScripts = async (...urls) => {
        for (const script of urls) await this.#load(script);
      };
      this.#loaded = this.#load(url);
    }

    postMessage(data) {
      this.#loaded.then(() => this.#scope.dispatchEvent(new this.#scope.MessageEvent("message", { data })));
    }

    #load(url) {
      return new Promise((resolve, reject) => {
        const script = this.#scope.document.createElement("script");
        script.src = new URL(url, location.href).href;
        script.onload = resolve;
        script.onerror = () => reject(new Error(`${url} cannot be loaded`));
        this.#scope.document.head.append(script);
      });
    }
  };
  window.Worker = window.IFrameWorker;
}
