// Calls of PostgREST on the host that this page came from.

const SECONDS = 30;

/** An answer that is an error, or none: then its status is 0. */
export class Problem extends Error {
  constructor({ status = 0, message, details, hint }) {
    super(message);
    this.status = status;
    this.details = details;
    this.hint = hint;
  }

  /** Whether nothing was done, and nothing will be. Of any other problem nobody knows. */
  get refused() {
    return this.status >= 400 && this.status < 500;
  }
}

/** What one key may do in one workspace. */
export class Api {
  constructor(key, workspace) {
    this.workspace = workspace;
    this.headers = { apikey: key, "x-workspace": encodeURIComponent(workspace) };
  }

  /** Call a function of the database. Throws Problem. */
  call(name, parameters = {}) {
    return this.#ask(`rpc/${name}`, {
      method: "POST",
      headers: { ...this.headers, "content-type": "application/json" },
      body: JSON.stringify(parameters),
    });
  }

  /**
   * Rows of a table by PostgREST's filters: read("conflicts", { status: "eq.open" }). Row level
   * security lets an operator see every workspace, hence the filter.
   */
  read(table, filters) {
    const query = new URLSearchParams({ workspace: `eq.${this.workspace}`, ...filters });
    return this.#ask(`${table}?${query}`, { headers: this.headers });
  }

  /**
   * What get_board answers. When `shared` it may be a second old: the gateway asks the database once
   * for all boards of a key, and agents notice twenty as one.
   */
  board(limit, shared) {
    const headers = shared ? { ...this.headers, "cache-control": "max-age=1" } : this.headers;
    return this.#ask(`rpc/get_board?limit_count=${limit}`, { headers });
  }

  async #ask(path, options) {
    let answer, text;
    try {
      answer = await fetch(`/rest/v1/${path}`, {
        ...options,
        cache: "no-store",
        signal: AbortSignal.timeout(SECONDS * 1000),
      });
      text = await answer.text();
    } catch (error) {
      const slow = error.name === "TimeoutError";
      throw new Problem({ message: slow ? `no answer within ${SECONDS} s` : "no connection" });
    }
    let body;
    try {
      body = text ? JSON.parse(text) : null;
    } catch {
      throw new Problem({ status: answer.status || 500, message: "the answer is no JSON" });
    }
    if (answer.ok) return body;
    throw new Problem({ message: `status ${answer.status}`, ...body, status: answer.status });
  }
}
