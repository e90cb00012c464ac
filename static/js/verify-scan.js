/* QR codes in pictures, where the browser can read them (BarcodeDetector). Pictures do not leave the device. */

export async function canScan() {
	try {
		return (await globalThis.BarcodeDetector.getSupportedFormats()).includes("qr_code");
	} catch {
		return false; // there is none
	}
}

/* What the code in a picture says; null where there is none. */
export async function textOfPicture(file) {
	const picture = await createImageBitmap(file);
	const [code] = await new globalThis.BarcodeDetector({ formats: ["qr_code"] }).detect(picture);
	return code?.rawValue ?? null;
}
