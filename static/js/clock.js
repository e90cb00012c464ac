/* The server's time, from the `now` of its answers; a voter's own clock may be wrong. */

export function createClock(here = () => Date.now()) {
	let offset = 0;
	return {
		observe(now) {
			const there = Date.parse(now);
			if (!Number.isNaN(there)) offset = there - here();
		},
		now: () => here() + offset,
	};
}

const SEOUL = "Asia/Seoul";

function knowsZone(timeZone) {
	try {
		return Boolean(new Intl.DateTimeFormat("en", { timeZone }));
	} catch {
		return false;
	}
}

/* 90061000 → { days: 1, hours: 1, minutes: 1, seconds: 1 }; never below zero. */
export function split(ms) {
	const seconds = Math.max(0, Math.floor(ms / 1000));
	return { days: Math.floor(seconds / 86_400), hours: Math.floor(seconds / 3600) % 24,
		minutes: Math.floor(seconds / 60) % 60, seconds: seconds % 60 };
}

const two = (n) => String(n).padStart(2, "0");

/* "3일 04:05:06"; `days` is the word with the number in it, or "" within the last day. */
export function countdown(ms, dayWords) {
	const { days, hours, minutes, seconds } = split(ms);
	const time = `${two(hours)}:${two(minutes)}:${two(seconds)}`;
	return days > 0 ? `${dayWords(days)} ${time}` : time;
}

/* Formats in a contest's time zone; a browser that does not know the zone shows Seoul's. */
export function timeFormats(lang, wanted = SEOUL) {
	const timeZone = knowsZone(wanted) ? wanted : SEOUL;
	const format = (options) => {
		const formatter = new Intl.DateTimeFormat(lang === "ko" ? "ko-KR" : "en-GB", { timeZone, ...options });
		return (when) => formatter.format(typeof when === "string" ? Date.parse(when) : when);
	};
	return {
		time: format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }),
		moment: format({ year: "numeric", month: "long", day: "numeric", weekday: "long", hour: "2-digit",
			minute: "2-digit", hourCycle: "h23" }),
		day: format({ year: "numeric", month: "long", day: "numeric" }),
		short: format({ month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
	};
}
