"""A workspace for all examples of a test: hypothesis runs many in one."""

from __future__ import annotations

import uuid

import httpx
import pytest
from tests.sql.support import Api, make_workspace

from sharedstate_ops.stack import StackInfo


@pytest.fixture(scope="module")
def api(http: httpx.Client, stack: StackInfo) -> Api:
    """RPCs over HTTP in a workspace of the module's own."""
    return make_workspace(http, stack, f"properties-{uuid.uuid4().hex[:12]}")
