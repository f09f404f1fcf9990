"""What the program answers, compared with what it should: exit codes and words."""

import sys


class Answers:
    """Collects what is wrong, so that one run of a script shows all of it."""

    def __init__(self):
        self.wrong = []

    def expect(self, what, answer, code, *words):
        """Notes an answer, an exit code with what was printed, that has another code or lacks one of the words."""
        found, printed = answer
        if found != code or not all(word in printed for word in words):
            self.wrong.append(f"{what}: exit code {found}, expected {code} and {words}:\n{printed}")

    def end(self):
        """Prints what is wrong and ends the script, with exit code 1 if anything is."""
        print(*(f"FAIL: {line}" for line in self.wrong), sep="\n")
        print(f"{len(self.wrong)} answers are wrong")
        sys.exit(1 if self.wrong else 0)
