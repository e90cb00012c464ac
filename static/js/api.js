/* Calls the API. Every call ends in its answer, a Problem (the server said no, RFC 9457) or Unreachable (nobody
 * knows what the server did). Retries nothing: that is for who knows what may be repeated. */

const DEADLINE_MS = 15_000;
const TURN = /^[\w.]{1,64}$/; // what is kept and sent again: nothing that would make the request too large for good

export class Problem extends Error {
	constructor(status, body, retryAfter, turn) {
		super(body.detail ?? body.title ?? `HTTP ${status}`);
		this.status = status;
		this.slug = String(body.type ?? "").split("#")[1] ?? "";
		this.body = body;
		this.retryAfter = retryAfter; // seconds, or undefined
		this.turn = turn; // the word for one's turn, to be sent with the same request, or undefined
	}
}

export class Unreachable extends Error {}

export function createApi({ api = "", issuer = "" }, fetcher = (...args) => fetch(...args)) {
	const path = (id, rest = "") => `${api}/v1/contests/${encodeURIComponent(id)}${rest}`;

	async function call(url, read, options = {}) {
		const abort = new AbortController();
		const timer = setTimeout(() => abort.abort(), DEADLINE_MS);
		try {
			const response = await fetcher(url,
				{ credentials: "omit", cache: "no-store", signal: abort.signal, ...options });
			if (!response.ok) throw await problemOf(response);
			return await read(response);
		} catch (error) {
			throw error instanceof Problem ? error : new Unreachable(error.message, { cause: error });
		} finally {
			clearTimeout(timer);
		}
	}

	const json = (response) => response.json();

	return {
		streamUrl: (id) => path(id, "/tally/stream"),
		tallyUrl: (id) => path(id, "/tally"),
		resultUrl: (id, version) => path(id, `/results/${version}`),
		contest: (id) => call(path(id), json),
		results: (id) => call(path(id, "/results"), json, { cache: "no-cache" }),
		/* { document, note }: both are text, byte by byte what was signed. */
		signedResult: (id, version) => call(path(id, `/results/${version}`), json, { cache: "no-cache" }),
		tally: (id) => call(path(id, "/tally"), json, { cache: "no-cache" }),
		challenge: (id) => call(path(id, "/challenge"), json),
		/* `bearer`: what admits the voter, or undefined where everybody is admitted. `turn`: of an earlier answer to this request. */
		async token(id, request, bearer, turn) {
			const origin = issuer || api;
			const url = `${origin}/v1/contests/${encodeURIComponent(id)}/tokens`;
			const answer = await call(url, (response) => response.arrayBuffer(), {
				method: "POST",
				headers: { "Content-Type": "application/private-token-request",
					...(bearer && { Authorization: `Bearer ${bearer}` }), ...(turn && { "Tallyd-Turn": turn }) },
				body: request,
			});
			return new Uint8Array(answer);
		},
		/* `replaces`: the index of the ballot that this one takes the place of. */
		/* `ballot`: its text, of a length that tells nothing (forms.js). */
		cast(id, authorization, ballot, replaces) {
			const headers = { Authorization: authorization, "Content-Type": "application/json" };
			if (replaces !== undefined) headers["If-Match"] = `"${replaces}"`;
			return call(path(id, "/ballots"), json,
				{ method: "POST", headers, body: ballot });
		},
		/* The log's proof for one entry, as text. */
		proof: (id, shard, index) => call(path(id, `/receipts/${shard}/${index}`), (response) => response.text()),

		/* Named people; `authorization` is "Bearer <token>". */
		me: (id, authorization) => call(path(id, "/me"), json, { headers: { Authorization: authorization } }),
		sheet: (id, authorization) => call(path(id, "/sheet"), json, { headers: { Authorization: authorization } }),
		/* `revision`: the one that the expert has seen, 0 for none. */
		saveSheet: (id, authorization, sheet, revision, options = {}) => call(path(id, "/sheet"), json, {
			method: "PUT",
			headers: { Authorization: authorization, "Content-Type": "application/json", "If-Match": `"${revision}"` },
			body: JSON.stringify(sheet),
			...options,
		}),
		pledge: (id, authorization) => call(path(id, "/pledge"), json, {
			method: "POST",
			headers: { Authorization: authorization, "Content-Type": "application/json" },
			body: JSON.stringify({ agreed: true }),
		}),

		/* Organisers and observers. */
		progress: (id, authorization) => call(path(id, "/progress"), json, { headers: { Authorization: authorization } }),
		/* The stream's bytes, until `signal` ends it or the server does; no deadline but for its beginning. */
		async progressStream(id, authorization, signal) {
			const abort = new AbortController();
			signal.addEventListener("abort", () => abort.abort());
			const timer = setTimeout(() => abort.abort(), DEADLINE_MS);
			try {
				const response = await fetcher(path(id, "/progress/stream"), { credentials: "omit", cache: "no-store",
					signal: abort.signal, headers: { Authorization: authorization, Accept: "text/event-stream" } });
				if (!response.ok) throw await problemOf(response);
				return response.body;
			} catch (error) {
				throw error instanceof Problem ? error : new Unreachable(error.message, { cause: error });
			} finally {
				clearTimeout(timer);
			}
		},
		turnout: (id, authorization) => call(path(id, "/turnout"), json, { headers: { Authorization: authorization } }),
		audit: (id, authorization, after, count) => call(path(id, `/audit?after=${after}&count=${count}`), json,
			{ headers: { Authorization: authorization } }),
		act: (id, authorization, body) => call(path(id, "/acts"), json, {
			method: "POST",
			headers: { Authorization: authorization, "Content-Type": "application/json" },
			body: JSON.stringify(body),
		}),
		/* `decision`: "approve" or "reject". */
		decide: (id, authorization, request, decision, why) =>
			call(path(id, `/requests/${encodeURIComponent(request)}`), json, {
				method: "POST",
				headers: { Authorization: authorization, "Content-Type": "application/json" },
				body: JSON.stringify({ decision, why }),
			}),
		/* `file`: "tally.csv". A Blob. */
		exported: (id, authorization, file, mark) => call(path(id, `/exports/${file}${mark ? "?bom=1" : ""}`),
			(response) => response.blob(), { headers: { Authorization: authorization } }),
	};
}

async function problemOf(response) {
	const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
	let body = {};
	try {
		body = await response.json();
	} catch {
		// a proxy's page: its status is all we know
	}
	return new Problem(response.status, body, Number.isNaN(seconds) ? undefined : seconds,
		TURN.exec(response.headers.get("Tallyd-Turn") ?? "")?.[0]);
}
