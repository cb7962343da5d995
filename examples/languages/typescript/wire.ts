import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, type PostgrestError, type PostgrestSingleResponse } from "@supabase/supabase-js";
import type { Database, Json } from "./database.types.ts";

const { SUPABASE_URL = "", SUPABASE_KEY = "", SHAREDSTATE_WORKSPACE = "" } = process.env;
const ATTEMPTS = 6;

// Headers are ASCII, and names are not. An empty one means the workspace `default`.
export const supabase = createClient<Database>(SUPABASE_URL, SUPABASE_KEY, {
  auth: { persistSession: false, autoRefreshToken: false },
  global: { headers: { "x-workspace": encodeURIComponent(SHAREDSTATE_WORKSPACE) } },
});

/** A call that changed nothing. `slug` is the same in every language. */
export class Refusal extends Error {
  slug: string;
  details: { [name: string]: Json | undefined };

  constructor(error: PostgrestError) {
    super(error.hint || error.message);
    this.slug = error.message;
    // `details` is JSON once more, within a text.
    this.details = error.code.startsWith("PT") ? JSON.parse(error.details || "{}") : {};
  }
}

/** Sends a change, up to six times with one request id when no answer comes: it is done once. */
export async function change<Data>(
  send: (requestId: string) => PromiseLike<PostgrestSingleResponse<Data>>,
): Promise<Data> {
  const requestId = randomUUID();
  for (let attempt = 1; ; attempt++) {
    const answer = await send(requestId);
    if (!answer.error) return answer.data;
    if (![0, 502, 503, 504].includes(answer.status)) throw new Refusal(answer.error);
    if (attempt === ATTEMPTS) throw new Error(`no answer, so it may have been done: ${answer.error.message}`);
    await sleep(100 * 3 ** (attempt - 1));
  }
}
