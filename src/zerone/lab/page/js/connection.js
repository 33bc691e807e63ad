// The page's WebSocket. It reconnects by itself and requests the session that was shown.

const SHORTEST = 500, LONGEST = 5000;  // milliseconds between two attempts

export class Connection {
  constructor(onMessage, onState) {
    this.onMessage = onMessage;
    this.onState = onState;
    this.wait = SHORTEST;
    this.open();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/socket`);
    this.socket.addEventListener("open", () => {
      this.wait = SHORTEST;
      this.tried = false;
      this.onState("open");
    });
    this.socket.addEventListener("message", (event) => this.onMessage(JSON.parse(event.data)));
    this.socket.addEventListener("close", () => this.lost());
  }

  async lost() {
    const refused = await this.refused();
    if (refused && !this.tried && (await this.again())) {
      this.tried = true;  // a browser that keeps no cookies would be let in for ever
      return this.open();
    }
    this.onState(refused ? "refused" : "lost");
    setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST);
    return null;
  }

  // The key from the server with which this page can reconnect to the next one. It is stored only here.
  remember(again) {
    this.known ??= again;
  }

  // Answer the challenge of a restarted server. The key is not sent, as another user's server may have the port now.
  async again() {
    if (!this.known || !globalThis.crypto?.subtle) return false;
    const bytes = (text) => new TextEncoder().encode(text);
    try {
      const answer = await fetch("/again");
      if (!answer.ok) return false;
      const challenge = await answer.text(), { key, port } = this.known;
      const secret = await crypto.subtle.importKey("raw", bytes(key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
      const signed = new Uint8Array(await crypto.subtle.sign("HMAC", secret, bytes(`${port} ${challenge}`)));
      const proof = [...signed].map((each) => each.toString(16).padStart(2, "0")).join("");
      return (await fetch(`/again?${new URLSearchParams({ challenge, proof })}`)).ok;
    } catch {
      return false;
    }
  }

  // Whether a server answers but does not know this page, because it was restarted with another token.
  async refused() {
    try {
      return (await fetch("/page/icon.svg")).status === 403;
    } catch {
      return false;
    }
  }

  send(message) {
    const open = this.socket.readyState === WebSocket.OPEN;
    if (open) this.socket.send(JSON.stringify(message));
    return open;
  }
}
