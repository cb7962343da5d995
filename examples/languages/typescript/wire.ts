import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, type PostgrestError, type PostgrestSingleResponse } from "@supabase/supabase-js";
import type { Database, Json } from "./database.types.ts";

const { SUPABASE_URL = "", SUPABASE_KEY = "", SHAREDSTATE_WORKSPACE = "" } = process.env;
const ATTEMPTS = 5;

// Without a workspace the header is empty, and the workspace is `default`.
export const supabase = createClient<Database>(SUPABASE_URL, SUPABASE_KEY, {
  auth: { persistSession: false, autoRefreshToken: false },
  global: { headers: { "x-workspace": SHAREDSTATE_WORKSPACE } },
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

/** Sends a change, up to five times with one request id when no answer comes: it is done once. */
export async function change<Data>(
  send: (requestId: string) => PromiseLike<PostgrestSingleResponse<Data>>,
): Promise<Data> {
  const requestId = randomUUID();
  for (let attempt = 1; ; attempt++) {
    const answer = await send(requestId);
    if (!answer.error) return answer.data;
    const unanswered = answer.status === 0 || answer.status === 503;
    if (!unanswered || attempt === ATTEMPTS) throw new Refusal(answer.error);
    await sleep(100 * 2 ** attempt);
  }
}
