"""The verdict of an experiment: answers to its questions, in numbers and in words."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from zerone.experiments.protocol import CONFIRMED, REFUTED, UNDECIDED, Text, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zerone.experiments.protocol import Estimate, Experiment, Question, Results

WORDS = {
    CONFIRMED: Text("confirmed", "证实"),
    REFUTED: Text("refuted", "推翻"),
    UNDECIDED: Text("undecided", "未决"),
}


@dataclasses.dataclass(frozen=True)
class Answer:
    """A question, the estimate of its effect, and the verdict by its rule."""

    question: Question
    found: Estimate
    verdict: str

    def sentence(self, seeds: int) -> Text:
        """A sentence with the verdict, the estimate and the rule."""
        asked, unit, rule, word = self.question.asks, self.question.unit, self.question.rule(), WORDS[self.verdict]
        value, low, high = (plain(each) for each in (self.found.value, self.found.low, self.found.high))
        with_unit = f" {unit.en}" if unit.en else ""
        added = (
            Text("added later, no part of the verdict: ", "后来补充，不计入判定：")
            if self.question.added
            else Text("", "")
        )
        gap = " " if asked.zh[-1].isascii() else ""  # Chinese and Latin letters are separated by a space
        bounds = Text(
            f"95% interval over {seeds} seeds: {low} to {high}", f"{seeds} 个种子的 95% 区间：{low} 到 {high}"
        )
        if math.isinf(self.found.low) and math.isinf(self.found.high):
            bounds = Text(f"{seeds} seeds are too few for an interval", f"{seeds} 个种子太少，没有区间")
        return Text(
            f"{added.en}{word.en}: {asked.en} is {value}{with_unit} ({bounds.en}); the rule asked for {rule.en}",
            f"{added.zh}{word.zh}：{asked.zh}{gap}为 {value}{f' {unit.zh}' if unit.zh else ''}（{bounds.zh}）；"
            f"事先定下的标准是{rule.zh}",
        )


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The verdict of an experiment, with the answers to its questions and the facts for its texts."""

    experiment: Experiment
    seeds: int
    quick: bool
    answers: tuple[Answer, ...]
    facts: Mapping[str, float]

    @property
    def word(self) -> str:
        """Confirmed, refuted or undecided, by all questions except those added after a first run."""
        return together([each.verdict for each in self.answers if not each.question.added])

    def with_facts(self, text: Text) -> Text:
        """A text of the experiment with its facts inserted."""
        return Text(text.en.format_map(self.facts), text.zh.format_map(self.facts))

    def as_json(self, figure: str) -> dict[str, Any]:
        """The object of `zerone experiment NAME --json` and `verdict.json`; it has no times, so two can be compared."""
        first = self.answers[0].found
        return {
            "name": self.experiment.name,
            "claim": self.experiment.claim.en,
            "source": self.experiment.source.en,
            "environment": self.experiment.environment,
            "verdict": self.word,
            "effect": first.value,
            "interval": [first.low, first.high],
            "seeds": self.seeds,
            "only_a_look": self.quick,
            "questions": [
                {
                    "asks": each.question.asks.en,
                    "unit": each.question.unit.en,
                    "rule": each.question.rule().en,
                    "effect": each.found.value,
                    "interval": [each.found.low, each.found.high],
                    "verdict": each.verdict,
                    "added": each.question.added,
                    "sentence": each.sentence(self.seeds).en,
                }
                for each in self.answers
            ],
            "facts": dict(self.facts),
            "figure": figure,
        }


def judge(experiment: Experiment, results: Results, quick: bool = False) -> Verdict:
    """Answer all questions of an experiment from its results."""
    answers: list[Answer] = []
    for question in experiment.questions:
        found = question.effect(results)
        answers.append(Answer(question, found, question.decide(found)))
    facts = {name: float(value) for name, value in experiment.facts(results).items()}
    return Verdict(experiment, results.seeds, quick, tuple(answers), facts)


def plain(value: float) -> str:
    """A number with three significant digits, without an exponent unless it is very small or very large."""
    if not math.isfinite(value):
        return "infinite" if math.isinf(value) else "unknown"
    if value == 0 or 0.001 <= abs(value) < 1_000_000:
        digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
        return f"{value:,.{digits}f}"
    return f"{value:.2e}"
