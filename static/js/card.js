/* The card to share: that somebody voted, in which contest, on which day. Nothing else is known here. */

const SIZE = 1080;
const FONT = '"Pretendard", "Apple SD Gothic Neo", "Noto Sans KR", "Noto Sans CJK KR", "Malgun Gothic", sans-serif';
const strokes = [[12, 13, 36, 13], [24, 13, 24, 36], [24, 24, 33.5, 24], [14.5, 23, 14.5, 36], [10, 36, 38, 36]];

export function drawCard(canvas, { name, voted, badge, day }) {
	canvas.width = SIZE;
	canvas.height = SIZE;
	const pen = canvas.getContext("2d");
	pen.fillStyle = "#1F4FA3";
	pen.fillRect(0, 0, SIZE, SIZE);
	pen.fillStyle = "#FFFFFF";
	pen.fillRect(64, 64, SIZE - 128, 8);
	pen.fillRect(64, SIZE - 72, SIZE - 128, 8);
	emblem(pen, 400, 130, 280);
	pen.textAlign = "center";
	pen.textBaseline = "alphabetic";
	pen.font = `800 128px ${FONT}`;
	pen.fillText(voted, SIZE / 2, 590);
	pen.font = `600 50px ${FONT}`;
	const lines = wrap(pen, name, SIZE - 200).slice(0, 3);
	lines.forEach((line, i) => pen.fillText(line, SIZE / 2, 700 + i * 68));
	pen.font = `400 40px ${FONT}`;
	pen.fillText([day, badge].filter(Boolean).join(" · "), SIZE / 2, 930);
}

/* 正, the five strokes with which votes are tallied by hand in Korea. */
function emblem(pen, left, top, size) {
	const scale = size / 48;
	pen.strokeStyle = "#FFFFFF";
	pen.lineWidth = 4.4 * scale;
	pen.lineCap = "square";
	for (const [x1, y1, x2, y2] of strokes) {
		pen.beginPath();
		pen.moveTo(left + x1 * scale, top + y1 * scale);
		pen.lineTo(left + x2 * scale, top + y2 * scale);
		pen.stroke();
	}
}

function wrap(pen, text, width) {
	const lines = [""];
	for (const word of text.split(" ")) {
		const longer = `${lines.at(-1)} ${word}`.trim();
		if (pen.measureText(longer).width <= width) lines[lines.length - 1] = longer;
		else lines.push(word);
	}
	return lines.filter(Boolean);
}
