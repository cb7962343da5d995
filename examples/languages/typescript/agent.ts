// A small agent, with supabase-js: lock with waiting, read, write, report a conflict, release.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { change, Refusal, supabase } from "./wire.ts";

const agent_name = "ts_agent";
const execution_id = `${agent_name}-${randomUUID()}`;
const shell = { resource_type: "subsystem", resource_name: "shell", execution_id };
const ttl_seconds = 30;

/** Takes the lock and answers its fencing token; waits in line while somebody else holds it. */
async function acquire(): Promise<number> {
  let request = "";
  const lease = await change((request_id) => {
    request = request_id;
    const ask = { ...shell, agent_name, ttl_seconds, wait_seconds: 20, request_id };
    return supabase.rpc("acquire_lock", ask).maybeSingle();
  });
  // null: somebody holds it, and we wait in line.
  const token = lease?.fencing_token ?? (await ourTurn(request));
  await renew(token);
  return token;
}

async function ourTurn(request_id: string): Promise<number> {
  for (let said = false; ; said = true) {
    const turn = await change(() => supabase.rpc("wait_for_lock", { request_id }));
    if (turn.state === "granted" && turn.leases) return turn.leases[0].fencing_token;
    if (turn.state !== "waiting") throw new Error("waited in vain");
    if (!said) console.log("waits at place", turn.position);
    await sleep(turn.retry_ms ?? 0);
  }
}

/** Extends the lease, and confirms one that was waited for. A longer job calls it at a third of the TTL. */
async function renew(fencing_token: number): Promise<void> {
  await change((request_id) =>
    supabase.rpc("renew_lock", { ...shell, fencing_token, ttl_seconds, request_id }),
  );
}

async function reportAndSettle(): Promise<void> {
  const { conflict_id, status } = await change((request_id) =>
    supabase.rpc("log_conflict", {
      severity: "low",
      source: agent_name,
      target: "system_architect",
      description: "The shell needs 0.5 kg more",
      details: { overage_kg: 0.5 },
      execution_id,
      request_id,
    }),
  );
  console.log("conflict", conflict_id, "is", status);
  const resolution = "It stays within its budget.";
  const settled = await change((request_id) =>
    supabase.rpc("resolve_conflict", { conflict_id, resolution, resolved_by: agent_name, execution_id, request_id }),
  );
  console.log("conflict", conflict_id, "is", settled.status);
}

const fencing_token = await acquire();
console.log("holds shell");

const { data: before } = await supabase.from("subsystems").select("state").eq("name", "shell").single().throwOnError();
console.log("shell was", before.state);

// With the token: refused with lease_lost if the lease has ended meanwhile.
const subsystem = "shell";
const status = { state: "designing", current_mass_kg: 1.5 };
const written = await change((request_id) =>
  supabase.rpc("update_subsystem_status", { subsystem, status, execution_id, fencing_token, request_id }),
);
console.log("shell is", `${written.state},`, written.current_mass_kg, "kg");

// A refusal: another execution writes what this one holds.
try {
  const other = { subsystem, status: { state: "complete" }, execution_id: "another-run" };
  await change((request_id) => supabase.rpc("update_subsystem_status", { ...other, request_id }));
} catch (refusal) {
  if (!(refusal instanceof Refusal)) throw refusal;
  console.log(`refused: ${refusal.slug}, held by ${refusal.details.locked_by}`);
}

await reportAndSettle();

// null would mean that the lease had ended before.
const released = await change((request_id) =>
  supabase.rpc("release_lock", { ...shell, fencing_token, request_id }).maybeSingle(),
);
if (released) console.log("released");
