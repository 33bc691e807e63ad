// The one WebSocket of the page. It comes back by itself, and asks for the session that was looked at.

const SHORTEST = 500, LONGEST = 5000;  // milliseconds between two tries

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
      this.onState("open");
    });
    this.socket.addEventListener("message", (event) => this.onMessage(JSON.parse(event.data)));
    this.socket.addEventListener("close", () => this.lost());
  }

  async lost() {
    this.onState((await this.refused()) ? "refused" : "lost");
    setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST);
  }

  // Whether a server answers, but no longer knows this page: it has been started again, with another token.
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
