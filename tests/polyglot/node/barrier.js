// The participant's table of ids, answers and tombstones: one local transaction a command.
import { Fault, failed, nothingToUndo, readBody, recordOf, refused, Unusable, undone } from "./wire.js";

const MAX_EPOCH_JUMP = 1000;

export const SCHEMA = `
create table if not exists command (
  id text primary key, kind text not null, type text not null, body text,
  state text,  -- of a do: succeeded, refused, undone, tombstone; no row: unknown
  answer json, -- null: a tombstone that no do has come for
  seen int not null default 1, seen_at timestamptz not null default now()
);
create table if not exists epoch (source text primary key, newest bigint not null);
create table if not exists outbox (seq bigserial primary key, key bytea, value text not null, headers json not null);
create table if not exists set_aside (
  topic text, partition int, "offset" bigint, reason text not null, value bytea, primary key (topic, partition, "offset")
);`;

export class Barrier {
  // `handlers`: by type of the do, { run, undoneBy, undo }.
  constructor(pool, source, handlers, structured = false) {
    this.structured = structured;
    this.pool = pool;
    this.source = source;
    this.handlers = handlers;
  }

  // Answers one command. A fault rolls back what a handler wrote, and is answered in a transaction of its own.
  async handle(command) {
    try {
      await this.#transaction((db) => this.#answer(db, command));
    } catch (error) {
      if (!(error instanceof Fault) && !isOurs(error)) throw error;
      await this.#transaction(async (db) => {
        await this.#compareEpoch(db, command);
        await this.#say(db, failed(error instanceof Fault ? error.code : "fault"), command);
      });
    }
  }

  async setAside({ topic, partition, message }, reason) {
    const place = [topic, partition, message.offset, reason, message.value];
    await this.pool.query('insert into set_aside (topic, partition, "offset", reason, value) values ($1, $2, $3, $4, $5) on conflict do nothing', place);
  }

  async #answer(db, command) {
    if (command.wire !== "1") return this.#say(db, failed("unknown-wire"), command);
    await this.#compareEpoch(db, command);
    await db.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [command.doId]); // do and undo of one pair exclude each other
    const own = await row(db, command.id);
    if (own?.answer) return this.#say(db, own.answer, command);
    const of = command.doId === command.id ? own : await row(db, command.doId);
    if (of && of.kind !== "do") throw new Fault("malformed");
    const said = command.kind === "do" ? await this.#do(db, command, of) : await this.#undo(db, command, of);
    if (command.kind !== "do") await remember(db, { id: command.id, kind: command.kind, type: command.type, answer: said });
    return this.#say(db, said, command);
  }

  async #do(db, command, tombstone) {
    if (tombstone) return this.#settle(db, command.id, "tombstone", refused("undone-before-done"));
    const handler = this.handlers[command.type];
    if (!handler) throw new Fault("unknown-type");
    const said = await handler.run(db, command.id, readBody(command.value));
    await remember(db, { id: command.id, kind: "do", type: command.type, body: command.value.toString(), state: said.outcome, answer: said });
    return said;
  }

  async #undo(db, command, of) {
    if (!of) {
      await remember(db, { id: command.doId, kind: "do", type: "", state: "tombstone" });
      return nothingToUndo();
    }
    if (of.state === "tombstone" || of.state === "refused") return nothingToUndo();
    if (of.state === "undone") return undone();
    if (command.kind === "fence") return refused("done");
    const handler = this.handlers[of.type];
    if (handler.undoneBy !== command.type) throw new Fault("unknown-type");
    await handler.undo(db, command.doId, JSON.parse(of.body));
    await this.#settle(db, command.doId, "undone", refused("undone"));
    return undone();
  }

  async #settle(db, id, state, said) {
    await db.query("update command set state = $2, answer = $3 where id = $1", [id, state, JSON.stringify(said)]);
    return said;
  }

  async #compareEpoch(db, { source, epoch }) {
    await db.query("insert into epoch values ($1, 0) on conflict do nothing", [source]);
    const { newest } = (await db.query("select newest::int8 from epoch where source = $1 for update", [source])).rows[0];
    if (epoch < Number(newest)) throw new Unusable("stale-epoch");
    if (epoch > Number(newest) + MAX_EPOCH_JUMP) throw new Unusable("epoch-jump");
    if (epoch > Number(newest)) await db.query("update epoch set newest = $2 where source = $1", [source, epoch]);
  }

  async #say(db, said, command) {
    const { key, value, headers } = recordOf(said, command, this.source, this.structured);
    await db.query("insert into outbox (key, value, headers) values ($1, $2, $3)", [key, value, JSON.stringify(headers)]);
  }

  async #transaction(work) {
    const db = await this.pool.connect();
    try {
      await db.query("begin");
      await work(db);
      await db.query("commit");
      db.release();
    } catch (error) {
      const broken = await db.query("rollback").then(() => false, () => true);
      db.release(broken);
      throw error;
    }
  }
}

// Postgres refused what a command brought (class 22: data, 23: constraints). Anything else is worth trying again.
const isOurs = (error) => /^2[23]/.test(error.code ?? "");

async function row(db, id) {
  return (await db.query("update command set seen = seen + 1, seen_at = now() where id = $1 returning *", [id])).rows[0];
}

async function remember(db, { id, kind, type, body = null, state = null, answer = null }) {
  const said = answer && JSON.stringify(answer);
  await db.query("insert into command (id, kind, type, body, state, answer) values ($1, $2, $3, $4, $5, $6)", [id, kind, type, body, state, said]);
}
