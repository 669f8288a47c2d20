// What the service is about: points for customers, and gifts of which there are only so many.
import { Fault, refusedBy, succeeded } from "./wire.js";

const PREFIX = "com.example.loyalty";

export const SCHEMA = `
create table if not exists points (do_id text primary key, customer_id text not null, points bigint not null, revoked boolean not null default false);
create table if not exists gift (name text primary key, left_over int not null check (left_over >= 0));
create table if not exists claimed (do_id text primary key, name text not null, returned boolean not null default false);
-- every effect leaves a row, so that tests can count what happened twice
create table if not exists effect (seq bigserial primary key, what text not null, do_id text not null);`;

const note = (db, what, doId) => db.query("insert into effect (what, do_id) values ($1, $2)", [what, doId]);

async function grant(db, doId, { customer_id: customer, points }) {
  if (typeof customer !== "string" || !Number.isSafeInteger(points)) throw new Fault("malformed");
  if (points <= 0) return refusedBy(`${PREFIX}.GrantRejected.v1`, { reason: "no-points" });
  await db.query("insert into points (do_id, customer_id, points) values ($1, $2, $3)", [doId, customer, points]);
  await note(db, "granted", doId);
  const { rows } = await db.query("select sum(points)::text as balance from points where customer_id = $1 and not revoked", [customer]);
  return succeeded(`${PREFIX}.PointsGranted.v1`, { balance: Number(rows[0].balance) });
}

async function revoke(db, doId) {
  await db.query("update points set revoked = true where do_id = $1", [doId]);
  await note(db, "revoked", doId);
}

async function claim(db, doId, { gift }) {
  if (typeof gift !== "string") throw new Fault("malformed");
  const { rowCount } = await db.query("update gift set left_over = left_over - 1 where name = $1 and left_over > 0", [gift]);
  if (rowCount === 0) return refusedBy(`${PREFIX}.NoGiftLeft.v1`, { gift });
  await db.query("insert into claimed (do_id, name) values ($1, $2)", [doId, gift]);
  await note(db, "claimed", doId);
  return succeeded(`${PREFIX}.GiftClaimed.v1`, { gift });
}

async function giveBack(db, doId, { gift }) {
  await db.query("update gift set left_over = left_over + 1 where name = $1", [gift]);
  await db.query("update claimed set returned = true where do_id = $1", [doId]);
  await note(db, "returned", doId);
}

export const HANDLERS = {
  [`${PREFIX}.GrantPoints.v1`]: { run: grant, undoneBy: `${PREFIX}.RevokePoints.v1`, undo: revoke },
  [`${PREFIX}.ClaimGift.v1`]: { run: claim, undoneBy: `${PREFIX}.ReturnGift.v1`, undo: giveBack },
};
