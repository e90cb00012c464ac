/* What a browser has and Node 18 lacks. Import first. */
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
