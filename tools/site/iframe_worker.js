// A browser starts no worker for a page that was opened from a folder. The search's runs in a hidden frame there instead.
if (location.protocol === "file:") {
  const setUp = `
    postMessage = (data) => parent.postMessage(data, "*");
    importScripts = (...addresses) => addresses.reduce(
      (before, address) => before.then(() => new Promise((done, failed) => {
        const script = document.createElement("script");
        Object.assign(script, { src: address, onload: done, onerror: failed });
        document.body.appendChild(script);
      })), Promise.resolve());`;
  window.IFrameWorker = class extends EventTarget {
    constructor(address) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.appendChild(frame);
      this.inside = frame.contentWindow;
      addEventListener("message", (event) => {
        if (event.source !== this.inside) return;
        const copy = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(copy);
        this.onmessage?.(copy);
      });
      this.ready = new Promise((done) => {
        this.inside.document.open();
        this.inside.document.write(`<html><body><script>${setUp}<\/script><script src="${address}"><\/script></body></html>`);
        this.inside.addEventListener("load", done);
        this.inside.document.close();
      });
    }
    postMessage(data) {
      this.ready.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data })));
    }
    terminate() {}
  };
  window.Worker = window.IFrameWorker;
}
