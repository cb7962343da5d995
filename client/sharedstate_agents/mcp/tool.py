"""A tool that refuses arguments which it does not have, and says so to a model.

The SDK drops them: a model that misspells a figure would believe that it is published.
"""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from pydantic import ValidationError


class StrictTool(Tool):
    """Made by `from_function`, as any tool."""

    def model_post_init(self, context: Any, /) -> None:
        """Have the schema and the validation forbid what is not in the signature."""
        arguments = self.fn_metadata.arg_model
        arguments.model_config["extra"] = "forbid"
        arguments.model_rebuild(force=True)
        # As pydantic would write it; a new schema of each tool would take 20 ms at each start.
        self.parameters["additionalProperties"] = False

    async def run(
        self, arguments: dict[str, Any], context: Any, convert_result: bool = False
    ) -> Any:
        """The answer; ToolError as the SDK's, for wrong arguments in our words."""
        try:
            return await super().run(arguments, context, convert_result)
        except ToolError as problem:
            fault = problem.__cause__
            # One of an answer that does not fit its model comes as unexpected, after the work.
            if isinstance(problem, UnexpectedToolError) or not isinstance(fault, ValidationError):
                raise
            raise ToolError(self._explained(fault)) from fault

    def _explained(self, problem: ValidationError) -> str:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in problem.errors(include_url=False, include_input=False)
        )
        names = ", ".join(self.parameters["properties"])
        return f"invalid_argument: {faults}. Nothing was done. Next: {self.name} takes {names}."
