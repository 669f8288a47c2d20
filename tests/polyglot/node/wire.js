// The wire protocol as data: a record becomes a command, an answer becomes a record. Knows neither Kafka nor the database.
import { randomUUID } from "node:crypto";

const MAX_HEADER = 1024, MAX_HEADERS = 16 * 1024, MAX_BODY = 512 * 1024, MAX_ID = 64;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/u;
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

// A record that cannot be answered: it is set aside with its reason.
export class Unusable extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

// Rolls back; the command is answered `failed` and stays unknown.
export class Fault extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

// kafkajs gives a header that came twice as an array.
function readHeaders(given) {
  const found = new Map();
  let size = 0;
  for (const [name, values] of Object.entries(given ?? {})) {
    for (const value of [values].flat()) {
      const bytes = Buffer.from(value ?? "");
      size += Buffer.byteLength(name) + bytes.length;
      if (size > MAX_HEADERS) throw new Unusable("too-large");
      if (bytes.length > 0) take(found, name, bytes);
    }
  }
  return found;
}

function take(found, name, bytes) {
  if (name === "traceparent" || name === "tracestate") {
    if (!found.has(name) && /^[\x20-\x7e]{1,1024}$/.test(bytes.toString("latin1"))) found.set(name, bytes.toString("latin1"));
    return;
  }
  if (!name.startsWith("ce_") && name !== "content-type") return;
  if (bytes.length > MAX_HEADER) throw new Unusable("too-large");
  let text;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new Unusable("not-utf-8");
  }
  if (CONTROL.test(text) || text.trim() === "") throw new Unusable("bad-attribute");
  if (name.startsWith("ce_") && found.has(name) && found.get(name) !== text) throw new Unusable("contradicting-headers");
  found.set(name, text);
}

function needed(headers, name) {
  const value = headers.get(`ce_${name}`);
  if (value === undefined) throw new Unusable("missing-attribute");
  return value;
}

function number(headers, name, otherwise) {
  const value = headers.get(`ce_${name}`) ?? otherwise;
  if (!/^[0-9]{1,15}$/.test(value ?? "")) throw new Unusable("bad-attribute");
  return Number(value);
}

// A command that can be answered; what its body says is read later, and only if it matters.
export function readCommand({ key, value, headers: given }) {
  const headers = readHeaders(given);
  if ((headers.get("content-type") ?? "").toLowerCase().startsWith("application/cloudevents")) throw new Unusable("structured-mode");
  if (headers.get("ce_specversion") !== "1.0") throw new Unusable("no-specversion");
  const id = needed(headers, "idempotencykey");
  const type = needed(headers, "type");
  const undoes = headers.get("ce_undoes");
  if (id.length > MAX_ID || (undoes ?? "").length > MAX_ID || undoes === id) throw new Unusable("bad-attribute");
  if (type === "saga.fence.v1" && !undoes) throw new Unusable("bad-attribute");
  const traced = TRACEPARENT.test(headers.get("traceparent") ?? "");
  return {
    id,
    type,
    doId: undoes ?? id,
    kind: type === "saga.fence.v1" ? "fence" : undoes ? "undo" : "do",
    sagaId: needed(headers, "sagaid"),
    attempt: number(headers, "attempt"),
    epoch: number(headers, "epoch", "0"),
    source: headers.get("ce_source") ?? "",
    tenant: headers.get("ce_tenant") ?? "default",
    wire: headers.get("ce_wire") ?? "1",
    traceparent: traced ? headers.get("traceparent") : undefined,
    tracestate: traced ? headers.get("tracestate") : undefined,
    key,
    value,
  };
}

// The body, one JSON object. Throws Fault.
export function readBody(value) {
  try {
    if (value.length <= MAX_BODY) {
      const body = JSON.parse(utf8.decode(value));
      if (body !== null && typeof body === "object" && !Array.isArray(body)) return body;
    }
  } catch {
    // falls through: null, not UTF-8, not JSON
  }
  throw new Fault("malformed");
}

const answer = (outcome, type, body) => ({ id: randomUUID(), outcome, type, body: JSON.stringify(body), time: new Date().toISOString() });
export const succeeded = (type, body) => answer("succeeded", type, body);
export const refusedBy = (type, body) => answer("refused", type, body);
export const refused = (code) => answer("refused", "saga.refused.v1", { code });
export const undone = () => answer("succeeded", "saga.undone.v1", {});
export const nothingToUndo = () => answer("nothing-to-undo", "saga.nothing-to-undo.v1", {});
export const failed = (code) => answer("failed", "saga.failed.v1", { code });

// The record of an answer to the command at hand: what was decided first, and the echo of today. In binary mode the attributes are
// headers, in structured mode they stand beside the body in one JSON object.
export function recordOf(said, command, source, structured) {
  const attributes = {
    specversion: "1.0",
    id: said.id,
    source,
    type: said.type,
    causationid: command.id,
    outcome: said.outcome,
    attempt: String(command.attempt),
    epoch: String(command.epoch),
    sagaid: command.sagaId,
    tenant: command.tenant,
    time: said.time,
  };
  const traced = {
    ...(command.traceparent && { traceparent: command.traceparent }),
    ...(command.tracestate && { tracestate: command.tracestate }),
  };
  if (structured) {
    const value = JSON.stringify({ ...attributes, datacontenttype: "application/json", data: JSON.parse(said.body) });
    return { key: command.key, value, headers: { "content-type": "application/cloudevents+json; charset=utf-8", ...traced } };
  }
  const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce_${name}`, value]));
  return { key: command.key, value: said.body, headers: { ...headers, "content-type": "application/json", ...traced } };
}
