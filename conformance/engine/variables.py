"""${name} in texts, filled in when they are used.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.variable

A name is looked up in this order: the test's values, the run's, the script's variables,
placeholders. A variable is computed from its source where that gives something, else it has its
default value. Nothing is kept: a variable is as fresh as the last response. A text that grows
without end, as variables made of variables many times over do, is an error.

Of several values that a path finds the first counts, as XPath has it; an expression must give one.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from xml.sax.saxutils import escape

from fhirserver.model.json import write_json
from fhirserver_conformance.engine.message import Message
from fhirserver_conformance.engine.placeholders import Placeholders
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.paths.document import Format
from fhirserver_conformance.paths.fhirpath import FhirPathName, evaluate
from fhirserver_conformance.paths.path import evaluate_path
from fhirserver_conformance.paths.values import PathError, Value, is_primitive, shown_all, text_of
from fhirserver_conformance.script.model import Variable

_REFERENCE = re.compile(r"\$\{([^${}]+)\}")


TEXT_LIMIT = 1024 * 1024
"""Characters that variables may bring into a text."""
DEPTH_LIMIT = 32
"""Variables inside each other."""
TIME_LIMIT_S = 5.0
"""For one variable with those inside it; each may be an expression."""


class VariableLoop(ActionProblem):
    """Variables refer to each other; a default value would hide it."""


class VariableGrowth(ActionProblem):
    """Variables make a text that is too long, or takes too long; likewise."""


class Variables:
    """The variables of one script's run.

    Args:
        declared: by the script.
        given: values of the run, by name.
        fhirpath: engine for their expressions.
        source: gives what a sourceId means, a fixture leniently; None for the last response.

    Attributes:
        of_test: values of the test under way, by name.
    """

    def __init__(
        self,
        declared: Sequence[Variable],
        given: Mapping[str, str],
        fhirpath: FhirPathName,
        source: Callable[[str | None], Message],
    ) -> None:
        self.of_test: Mapping[str, str] = {}
        self._declared = {variable.name: variable for variable in declared}
        self._given = given
        self._fhirpath = fhirpath
        self._source = source
        self._placeholders = Placeholders()
        self._open: list[str] = []
        self._started = 0.0

    def fill(self, text: str) -> str:
        """Replace every ${name} by its value.

        Raises:
            ActionProblem: a name without a value, or names that refer to each other in a loop.
        """
        return _filled(text, self.value)

    def fill_body(self, body: bytes, format: Format, *, lenient: bool = False) -> bytes:
        """Replace every ${name} in a body; values are escaped as the format needs it.

        Args:
            body: of a fixture.
            format: of the body.
            lenient: leave a name that has no value yet as it stands. So a variable can be read
                from one part of a fixture while another part waits for a response.

        Raises:
            ActionProblem: as `fill` does; the body is not UTF-8.
        """
        if b"${" not in body:
            return body
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            raise ActionProblem("the body is not UTF-8; save it in that encoding") from None
        escaped = _ESCAPES[format]

        def value(name: str) -> str:
            try:
                return escaped(self.value(name))
            except VariableGrowth:
                raise
            except ActionProblem:
                if lenient:
                    return f"${{{name}}}"
                raise

        return _filled(text, value).encode("utf-8")

    def value(self, name: str) -> str:
        """Give a variable's value. Raises ActionProblem as `fill` does."""
        with self._opened(name):
            for known in (self.of_test, self._given):
                if name in known:
                    return self.fill(known[name])
            if name in self._declared:
                return self._of_script(self._declared[name])
            found = self._placeholders.value(name, self.value)
        if found is None:
            raise ActionProblem(f"there is no variable '{name}'; declare it in TestScript.variable")
        return found

    @contextmanager
    def _opened(self, name: str) -> Iterator[None]:
        if name in self._open:
            loop = [*self._open[self._open.index(name) :], name]
            raise VariableLoop(f"variables refer to each other in a loop: {' → '.join(loop)}")
        self._refuse_growth(name)
        self._open.append(name)
        try:
            yield
        finally:
            self._open.pop()

    def _refuse_growth(self, name: str) -> None:
        if not self._open:
            self._started = time.monotonic()
        if len(self._open) >= DEPTH_LIMIT:
            raise VariableGrowth(f"'{name}' is inside of more than {DEPTH_LIMIT} variables")
        if time.monotonic() - self._started > TIME_LIMIT_S:
            raise VariableGrowth(
                f"the variable '{self._open[0]}' takes more than {TIME_LIMIT_S:g} s; there are too "
                "many variables inside of variables"
            )

    def _of_script(self, variable: Variable) -> str:
        found, reason = self._computed(variable)
        if found is not None:
            return self.fill(found)
        if variable.default_value is not None:
            return self.fill(variable.default_value)
        raise ActionProblem(f"the variable '{variable.name}' has no value: {reason}")

    def _computed(self, variable: Variable) -> tuple[str | None, str]:
        """Give its value, or None and why there is none."""
        try:
            values = self._found(variable)
        except PathError as error:
            return None, str(error)
        except (VariableLoop, VariableGrowth):
            raise
        except ActionProblem as error:
            return None, str(error)
        if values is None:
            return None, "it has neither a source nor a default value"
        if values and variable.expression is None:
            values = values[:1]
        if len(values) == 1 and is_primitive(values[0]):
            return text_of(values[0]), ""
        return None, f"one plain value is expected, found {shown_all(values)}"

    def _found(self, variable: Variable) -> Sequence[Value] | None:
        if variable.expression is not None:
            expression = self.fill(variable.expression)
            document = self._source(variable.source_id).document
            return evaluate(self._fhirpath, expression, document)
        if variable.header_field is not None:
            message = self._source(variable.source_id)
            value = message.header(self.fill(variable.header_field))
            return [] if value is None else [value]
        if variable.path is not None:
            path = self.fill(variable.path)
            return evaluate_path(path, self._source(variable.source_id).document)
        return None


def _filled(text: str, value: Callable[[str], str]) -> str:
    parts: list[str] = []
    end = length = 0
    for match in _REFERENCE.finditer(text):
        found = value(match[1])
        parts += text[end : match.start()], found
        end = match.end()
        length += len(found)
        if length > TEXT_LIMIT:
            raise VariableGrowth(
                f"with the variable '{match[1]}' a text has more than {TEXT_LIMIT} characters; "
                "use it less often"
            )
    return "".join([*parts, text[end:]])


def _in_json(value: str) -> str:
    return write_json(value).decode("utf-8")[1:-1]


def _in_xml(value: str) -> str:
    return escape(value, {'"': "&quot;", "'": "&apos;"})


_ESCAPES: Mapping[Format, Callable[[str], str]] = {"json": _in_json, "xml": _in_xml}
