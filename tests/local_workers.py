"""A stand-in for the processes of a cluster, within this process and without Ray. Tests decide when one is lost."""

import cloudpickle


class LocalSupervisor:
    """Simulated processes that answer at once. Before every `life`-th request, the asked one is lost and replaced."""

    lost = 0

    def __init__(self, task, number, life):
        self.task, self.life, self.requests = task, life, 0
        self.workers, self.answers = {slot: task.worker(None, slot) for slot in range(number)}, {}
        self.while_waiting = lambda: None

    def share(self, value):
        return value

    def ask(self, key, slot, what, *arguments):
        self.requests += 1
        if self.requests % self.life == 0:
            self.workers[slot] = self.task.worker(None, slot)
            self.lost += 1
        self.answers.setdefault(key, []).append((slot, _sent(getattr(self.workers[slot], what)(*arguments))))

    def answer(self, key):
        self.while_waiting()
        return self.answers[key].pop(0)

    def close(self):
        pass


def _sent(value):
    """A copy as it arrives from another process."""
    return cloudpickle.loads(cloudpickle.dumps(value))
