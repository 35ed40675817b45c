/**
 * Digest: the one place that computes hashes. Synchronous on purpose: deriving a key must not yield
 * between looking at an action and taking its place in line.
 */
import { createHmac, hash } from "node:crypto"

/** SHA-256 of the text's UTF-8 bytes; 32 bytes. */
export const sha256 = (text: string): Uint8Array => hash("sha256", text, "buffer")

/** SHA-256 of the text's UTF-8 bytes, in lower-case hexadecimal; 64 characters. */
export const sha256Hex = (text: string): string => hash("sha256", text, "hex")

/** HMAC-SHA-256, in hexadecimal, cut to 16 characters: enough to tell values of one path apart. */
export const keyedHash = (secret: string, text: string): string =>
  createHmac("sha256", secret).update(text).digest("hex").slice(0, 16)

/** Bytes in lower-case hexadecimal: how a hash is named in a process, and told to people. */
export const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")
