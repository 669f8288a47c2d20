// loyalty, a participant: commands from one topic, answers to another, everything that must survive a crash in Postgres.
//   LOYALTY_POSTGRES=postgresql://… LOYALTY_KAFKA=host:port [LOYALTY_MODE=structured] node main.js
import { Kafka, logLevel, Partitioners } from "kafkajs";
import pg from "pg";

import { Barrier, SCHEMA } from "./barrier.js";
import * as loyalty from "./loyalty.js";
import { readCommand, Unusable } from "./wire.js";

const pool = new pg.Pool({ connectionString: process.env.LOYALTY_POSTGRES, max: 4 });
pool.on("error", () => {}); // an idle connection was cut: the next query opens another
const kafka = new Kafka({ clientId: "loyalty", brokers: [process.env.LOYALTY_KAFKA], logLevel: logLevel.ERROR });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
const consumer = kafka.consumer({ groupId: "loyalty", sessionTimeout: 6000, heartbeatInterval: 1000, rebalanceTimeout: 6000, maxWaitTimeInMs: 100 });
const barrier = new Barrier(pool, "/loyalty", loyalty.HANDLERS, process.env.LOYALTY_MODE === "structured");

// Send what was committed, oldest first. Dying before the delete sends it again, with the same ids.
async function relay() {
  const db = await pool.connect();
  try {
    await db.query("begin");
    const { rows } = await db.query("select * from outbox order by seq limit 500 for update skip locked");
    if (rows.length > 0) {
      await producer.send({ topic: "loyalty.events", acks: -1, messages: rows });
      await db.query("delete from outbox where seq = any($1)", [rows.map((row) => row.seq)]);
    }
    await db.query("commit");
    db.release();
    return rows.length;
  } catch (error) {
    db.release(true);
    throw error;
  }
}

async function handle(place) {
  try {
    await barrier.handle(readCommand(place.message));
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    await barrier.setAside(place, error.reason);
  }
}

async function eachBatch({ batch: { topic, partition, messages }, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale }) {
  for (const message of messages) {
    if (!isRunning() || isStale()) break;
    await handle({ topic, partition, message });
    resolveOffset(message.offset); // after the local commit, never before
    await heartbeat();
  }
  while ((await relay()) > 0);
  await commitOffsetsIfNecessary();
}

for (const end of ["SIGTERM", "SIGINT"]) {
  process.on(end, async () => {
    await consumer.disconnect();
    await producer.disconnect();
    await pool.end();
    process.exit(0);
  });
}
consumer.on(consumer.events.GROUP_JOIN, () => console.log("ready"));
consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || process.exit(1));
await pool.query("begin; select pg_advisory_xact_lock(1);" + SCHEMA + loyalty.SCHEMA + "commit;");
await producer.connect();
await consumer.connect();
while ((await relay()) > 0);
await consumer.subscribe({ topic: "loyalty.commands", fromBeginning: true });
await consumer.run({ autoCommit: true, eachBatchAutoResolve: false, eachBatch });
