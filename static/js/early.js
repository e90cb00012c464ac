/* Before the first paint: the letter size that the reader chose earlier. A plain script, not a module, so that
 * nothing jumps. */
try {
	document.documentElement.dataset.size = localStorage.getItem("tallyd.size") || "1";
} catch {
	document.documentElement.dataset.size = "1"; // storage is blocked
}
