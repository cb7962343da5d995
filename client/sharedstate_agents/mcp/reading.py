"""The tools that only read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from mcp.types import CallToolResult
from pydantic import Field

from sharedstate.errors import UnknownVersion
from sharedstate_agents.mcp.answers import (
    Budget,
    Conflict,
    DocumentPart,
    Entry,
    Holding,
    MySituation,
    News,
    Overview,
    Place,
    Row,
    StaleInput,
    SubsystemState,
)
from sharedstate_agents.mcp.fitting import MOST_CHARACTERS, result_of
from sharedstate_agents.mcp.pointers import part_of
from sharedstate_agents.mcp.speaking import (
    AgentName,
    ExecutionId,
    HowMuch,
    Speaking,
    SubsystemName,
)

if TYPE_CHECKING:
    from sharedstate import AsyncSharedState

DocumentName = Literal["status", "requirements", "interfaces", "design"]
COLUMN = {"requirements": "requirements", "interfaces": "interfaces", "design": "design_data"}
_ROWS, _ALL_ROWS = 50, 1000


class ReadingTools(Speaking):
    """Tools that change nothing."""

    async def my_situation(
        self,
        agent_name: AgentName = "",
        execution_id: ExecutionId = "",
        detail: HowMuch = "concise",
    ) -> Annotated[CallToolResult, MySituation]:
        """All that you have to know now, in one read: what you hold and until when, whom you wait
        for, which conflicts block or concern you, what is left of your budget, which of your inputs
        have changed, and your newest log entries.

        Use it first, after an error, and when you come back to work after a pause."""
        async with self.caller(agent_name, execution_id) as me:
            now = await me.state.get_situation(me.agent)
            self.clock.note(now["server_time"])
            answer = MySituation(
                agent_name=me.agent,
                execution_id=now["execution_id"],
                subsystem=now["subsystem"],
                holds=[Holding.of(row, self.clock) for row in now["leases"]],
                waits_for=[Place.of(row, self.clock) for row in now["waits"]],
                blocked_by=[Conflict.of(row) for row in now["blocked_by"]],
                conflicts=[Conflict.of(row) for row in now["conflicts"]],
                budget=[Budget.of(row) for row in now["budget"]],
                stale_inputs=[StaleInput(**row) for row in now["stale_inputs"]],
                recent=[Entry.of(row) for row in now["activity"]],
                server_time=now["server_time"],
            )
            return result_of(answer, detail)

    async def overview(
        self,
        subsystem: Annotated[str, Field(description="Only what concerns this one.")] = "",
        detail: HowMuch = "concise",
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, Overview]:
        """The whole design at one moment: each subsystem's state, figures beside budgets, who holds
        it and who waits, open conflicts, the robot's totals.

        Use it to plan, to see who is working on what, or with `subsystem` to look at one. For your
        own affairs my_situation is shorter; for what has happened since, news with its cursor."""
        async with self.reader(execution_id) as state:
            limit = _ROWS if detail == "concise" and not subsystem else _ALL_ROWS
            board = await state.get_board(limit=limit)
            self.clock.note(board["server_time"])
            return result_of(self._overview(board, subsystem), detail)

    def _overview(self, board: Row, subsystem: str) -> Overview:
        def concerns(row: Row) -> bool:
            if not subsystem or row.get("resource_name", row.get("name")) == subsystem:
                return True
            agents = [row.get("source_agent"), row.get("target_agent")]
            names = (subsystem, f"{subsystem}_agent", f"{subsystem}_designer")
            return any(name in (*agents, *row.get("blocks_agents", ())) for name in names)

        return Overview(
            workspace=board["workspace"],
            subsystems=[
                SubsystemState.of(row, self.clock) for row in board["subsystems"] if concerns(row)
            ],
            conflicts=[Conflict.of(row) for row in board["conflicts"] if concerns(row)],
            leases=[Holding.of(row, self.clock) for row in board["leases"] if concerns(row)],
            queue=[Place.of(row, self.clock) for row in board["queue"] if concerns(row)],
            robot=[Budget.of(row) for row in board["budgets"]],
            counts=board["counts"],
            cursor=board["cursor"],
        )

    async def read_document(
        self,
        subsystem: SubsystemName,
        document: DocumentName,
        version: Annotated[int, Field(description="0: the newest.", ge=0)] = 0,
        pointer: Annotated[
            str, Field(description='A part by JSON pointer, like "/bones/femur"; "" is all.')
        ] = "",
        detail: HowMuch = "concise",
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, DocumentPart]:
        """A subsystem's document: requirements (what the architect wants), interfaces (what others
        build on), design (its work), or its status row.

        Use it before save, whose base_version is the `version` that comes here; and to read
        interfaces of others. A long one comes in outline: name the part that you need by pointer.
        version 0 in the answer means that nothing has been published yet."""
        async with self.reader(execution_id) as state:
            row, content = await self._document(state, subsystem, document, version)
            answer = DocumentPart(
                subsystem=subsystem,
                document=document,
                version=row.get("version", 0),
                pointer=pointer,
                content=part_of(content, pointer),
                created_by=row.get("created_by"),
                created_at=row.get("created_at") or row.get("updated_at"),
            )
            how = 'Read a part with pointer, like pointer="/bones", or all with detail="full".'
            return result_of(answer, detail, how)

    async def _document(
        self, state: AsyncSharedState, subsystem: str, document: DocumentName, version: int
    ) -> tuple[dict[str, Any], Any]:
        """The row, {} when there is none, and what the document holds."""
        if document == "status":
            status = dict(await state.get_subsystem_status(subsystem) or {})
            return status, status
        row = await document_of(state, subsystem, document, version)
        return row, row.get(COLUMN[document], {})

    async def news(
        self,
        cursor: Annotated[
            str, Field(description="Of the last news or overview; without it, the newest entries.")
        ] = "",
        agent_name: Annotated[str, Field(description="Only what this agent did.")] = "",
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
        execution_id: ExecutionId = "",
    ) -> Annotated[CallToolResult, News]:
        """What has happened in the design since the cursor: none is missed, none comes twice.

        Use it to learn what others published while you worked, or to wait for something: ask again
        with the cursor of the answer. Do not poll more often than every 10 seconds."""
        async with self.reader(execution_id) as state:
            filters = {"agent_name": agent_name} if agent_name else {}
            page = await _page(state, cursor, limit, filters)
            return result_of(_fitted(page))


async def document_of(
    state: AsyncSharedState, subsystem: str, document: str, version: int
) -> dict[str, Any]:
    """A version of a document, the newest for 0; {} when there is none. Raises UnknownVersion."""
    readers = {
        "requirements": state.get_subsystem_requirements,
        "interfaces": state.get_subsystem_interfaces,
        "design": state.get_subsystem_design,
    }
    row = await readers[document](subsystem, version or None)
    if row is None and version:
        detail = {"subsystem": subsystem, "document": document, "version": version}
        raise UnknownVersion(detail=detail)
    return dict(row or {})


async def _page(
    state: AsyncSharedState, cursor: str, limit: int, filters: dict[str, str]
) -> dict[str, Any]:
    """Entries behind the cursor; without one the newest, up to where the next page begins."""
    params = {"limit_count": limit, **({"cursor": cursor} if cursor else {}), **filters}
    answer = await state.supabase.rpc("read_activity", params, get=True).execute()
    page: Any = answer.data
    if not cursor:
        end = tuple(map(int, page["cursor"].split("/")))
        newest = await state.get_recent_activity(limit, filters.get("agent_name"))
        page["entries"] = [
            row for row in reversed(newest) if (int(row["transaction_id"]), row["id"]) <= end
        ]
    return dict(page)


def _fitted(page: dict[str, Any]) -> News:
    """As many entries as fit, with the cursor behind the last of them, so that none is lost."""
    rows, size = page["entries"], 0
    entries: list[Entry] = []
    for row in rows:
        entry = Entry.of(row)
        size += len(entry.model_dump_json())
        if entries and size > MOST_CHARACTERS - 200:
            break
        entries.append(entry)
    if len(entries) == len(rows):
        return News(entries=entries, cursor=page["cursor"], more=page["more"])
    last = rows[len(entries) - 1]
    return News(entries=entries, cursor=f"{last['transaction_id']}/{last['id']}", more=True)
