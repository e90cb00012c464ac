/* Times of a time zone in form fields. Pure. */

const fields = (timeZone) => new Intl.DateTimeFormat("en-GB", { timeZone, hourCycle: "h23", year: "numeric",
	month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });

function partsOf(ms, timeZone) {
	return Object.fromEntries(fields(timeZone).formatToParts(ms).map(({ type, value }) => [type, value]));
}

/* 1798621200000 → "2026-12-30T18:00", as <input type="datetime-local"> has it. */
export function toField(ms, timeZone) {
	const { year, month, day, hour, minute } = partsOf(ms, timeZone);
	return `${year}-${month}-${day}T${hour}:${minute}`;
}

/* The inverse; null where the text is no time. Of a time that a change of clocks doubles, one of the two. */
export function fromField(text, timeZone) {
	const wanted = Date.parse(`${text}Z`);
	if (Number.isNaN(wanted)) return null;
	let ms = wanted;
	for (let i = 0; i < 2; i++) {
		const { year, month, day, hour, minute, second } = partsOf(ms, timeZone);
		ms += wanted - Date.UTC(year, month - 1, day, hour, minute, second);
	}
	return ms;
}
