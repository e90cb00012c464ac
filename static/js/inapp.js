/* Browsers inside other apps lose storage and cannot share or save; we tell before anybody identifies. */

const apps = [
	["kakaotalk", /KAKAOTALK/i],
	["naver", /NAVER\(inapp/i],
	["daum", /DaumApps/i],
	["line", /\bLine\//],
	["instagram", /Instagram/],
	["facebook", /\bFB(AN|AV|_IAB)\b/],
	["band", /\bBAND\//],
	["threads", /\bBarcelona\b/],
	["x", /Twitter for/],
	["tiktok", /musical_ly|BytedanceWebview/i],
	["other", /; wv\)/],
	["other", /\((iPhone|iPad)(?!.* Safari\/)/], // what browsers on iOS all say, and views inside apps do not
];

/* The app's name, or null in a browser of its own. */
export const inApp = (userAgent) => apps.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? null;

/* An address that opens `url` in a real browser, or null where no app offers one; Android's has no room for a fragment. */
export function wayOut(app, userAgent, url) {
	if (app === "kakaotalk") return `kakaotalk://web/openExternal?url=${encodeURIComponent(url)}`;
	if (app === "line") {
		const address = new URL(url);
		address.searchParams.set("openExternalBrowser", "1");
		return address.href;
	}
	const { protocol, host, pathname, search, hash } = new URL(url);
	if (/Android/.test(userAgent) && !hash) {
		return `intent://${host}${pathname}${search}#Intent;scheme=${protocol.slice(0, -1)};`
			+ "action=android.intent.action.VIEW;category=android.intent.category.BROWSABLE;end";
	}
	return null;
}
