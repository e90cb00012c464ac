/* What an error says of the vote: whether it may have been counted, and what comes next.
 *
 *   after     "settled"  the server knows this token's ballot was not counted, now or by an earlier attempt
 *             "this"     this request counted nothing; an earlier one whose answer was lost may have
 *             "unknown"  this request may have counted
 *   next      "wait"     send the same again, by itself       "resend"  the voter may send it again
 *             "choose"   back to the ballot                   "restart" begin anew with another token
 *             "admit"    show again that one may vote    "stop"    nothing more to do here */
import { Unreachable } from "./api.js";
import { IssuerMismatch } from "./privacypass.js";

const known = {
	"not-open": { after: "settled", next: "resend" },
	"closed": { after: "settled", next: "stop" },
	"paused": { after: "settled", next: "resend" },
	"invalid-ballot": { after: "settled", next: "choose" },
	"invalid-token": { after: "settled", next: "restart" },
	"unknown-token-key": { after: "settled", next: "restart" },
	"invalid-token-request": { after: "settled", next: "restart" },
	"already-issued": { after: "settled", next: "restart" },
	"admission-closed": { after: "settled", next: "stop" },
	"not-admitted": { after: "settled", next: "admit" },
	"admission-expired": { after: "settled", next: "admit" },
	"not-eligible": { after: "settled", next: "stop" },
	"mistyped-code": { after: "settled", next: "admit" },
	"unknown-code": { after: "settled", next: "admit" },
	"code-revoked": { after: "settled", next: "admit" },
	"no-such-contest": { after: "settled", next: "stop" },
	"replacing-not-allowed": { after: "settled", next: "stop" },
	"replaced-too-often": { after: "settled", next: "stop" },
	"nothing-to-replace": { after: "settled", next: "stop" },
	"too-many-requests": { after: "this", next: "wait" },
	"unavailable": { after: "this", next: "wait" },
	"busy": { after: "this", next: "wait" },
	"rules-differ": { after: "this", next: "wait" },
	"outcome-unknown": { after: "unknown", next: "wait" },
};

/* `slug` is the key of the sentence, "problem.<slug>", in every language. */
export function judge(error) {
	if (error instanceof IssuerMismatch) return { slug: "issuer-mismatch", after: "this", next: "stop" };
	if (error instanceof Unreachable) return { slug: "unreachable", after: "unknown", next: "wait" };
	if (Object.hasOwn(known, error.slug ?? "")) return { slug: error.slug, ...known[error.slug] };
	if (error.status >= 500) return { slug: "server", after: "unknown", next: "wait" };
	if (error.status >= 400) return { slug: "refused", after: "this", next: "resend" };
	return { slug: "page", after: "unknown", next: "resend" };
}

export const knownSlugs = [...Object.keys(known),
	"issuer-mismatch", "unreachable", "server", "refused", "page"];
