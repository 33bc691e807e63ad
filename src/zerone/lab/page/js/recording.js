// A recorded run: its moments, the current one, and moves between them. It answers messages like the server.

export class Recording {
  // `data` has the positions and the moments of each training. A moment has only the changes since the one before.
  constructor(data, show) {
    this.places = data.places;
    this.trainings = data.trainings.map(({ moments }) => {
      let whole = {};
      return moments.map((each) => (whole = { ...whole, ...each }));
    });
    this.show = show;
    this.place = 0;
    this.pace = data.lesson.pace > 0 ? data.lesson.pace : 10;
    this.playing = false;
  }

  get now() {
    return this.trainings.map((each) => each[this.place]);
  }

  get last() {
    return this.places.length - 1;
  }

  // Handle the message of a button or key.
  do(message) {
    if (message.do === "pace") this.pace = message.pace || 1000;
    else if (message.do === "play") this.play();
    else this.go(this.found(message.do));
  }

  found(move) {
    if (move === "start") return 0;
    if (move === "back") return this.place - 1;
    if (move === "step") return this.place + 1;
    if (move === "pause") return this.place;
    const wanted = { update: (now) => now.updated, episode: (now) => now.ended, change: (now) => changes(now.learnt) }[move];
    for (let place = this.place + 1; place <= this.last; place += 1) if (this.trainings.some((each) => wanted(each[place]))) return place;
    return this.last;
  }

  play() {
    if (this.place === this.last) this.place = 0;
    this.playing = true;
    this.tick();
  }

  tick() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      if (!this.playing) return;
      this.place = Math.min(this.last, this.place + 1);
      if (this.place === this.last) this.playing = false;
      this.show();
      if (this.playing) this.tick();
    }, 1000 / Math.min(30, this.pace));
    this.show();
  }

  go(place) {
    this.playing = false;
    this.place = Math.max(0, Math.min(this.last, place));
    this.show();
  }

  close() {
    this.playing = false;
    clearTimeout(this.waiting);
  }
}

const changes = (learnt) => Boolean(learnt?.changes?.length || learnt?.updates?.length);
