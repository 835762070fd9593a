// The main flow as a front end in TypeScript writes it: every path, body and answer below is checked by the compiler
// against the types that were generated from the OpenAPI document.

import createClient, { type Client } from 'openapi-fetch';

import type { components, paths } from './generated/schema.js';

type Reservation = components['schemas']['Reservation'];
type Problem = components['schemas']['Problem'];

export interface Given {
  base: string;
  /** The token of an approved mentor who has hours and offers nothing yet. */
  mentor: string;
  /** Of the session: a time that the weekday hours below offer. */
  startsAt: string;
}

export interface Tools {
  /** Runs a named check and reports it. */
  check(name: string, act: () => Promise<unknown>): Promise<boolean>;
  /** Has the test do what no client can: pay at the provider, let workers run. */
  ask(what: string): Promise<string>;
  fail(text: string): never;
}

const PASSWORD = 'a long enough secret';

export async function flow(given: Given, { check, ask, fail }: Tools): Promise<void> {
  const anybody = createClient<paths>({ baseUrl: given.base });
  const mentor = as(given.base, given.mentor);
  let mentee: Client<paths> = anybody;
  let offering = '';
  let booked: Reservation | undefined;

  /** The data of an answer that has to be a success. */
  function good<T>(answer: { data?: T; error?: Problem; response: Response }): T {
    const { data, error, response } = answer;
    return data ?? fail(`${response.status} ${error?.code}: ${error?.detail}`);
  }
  let keys = 0;
  /** A key of its own for each request that may be sent again. */
  const once = () => ({ 'Idempotency-Key': `typed-client-${++keys}` });
  const reservation = (): Reservation => booked ?? fail('nothing is booked');
  const look = async (): Promise<Reservation> =>
    good(await mentee.GET('/v1/reservations/{id}', { params: { path: { id: reservation().id } } }));

  await check('a mentor sets hours and offers a session', async () => {
    const weekdays: components['schemas']['Weekday'][] = ['mon', 'tue', 'wed', 'thu', 'fri'];
    const before = good(await mentor.GET('/v1/me/schedule'));
    const hours = good(await mentor.PUT('/v1/me/schedule', {
      body: {
        expectedVersion: before.version,
        timeZone: 'Asia/Seoul',
        windows: weekdays.map((weekday) => ({ weekday, from: '09:00', to: '18:00' })),
      },
    }));
    const made = good(await mentor.POST('/v1/offerings', {
      body: { title: 'Typed mentoring', priceKrw: 50_000, durationMinutes: 60, category: 'backend', kind: 'instant' },
    }));
    offering = made.id;
    return `version ${hours.version}, ${made.priceKrw} won`;
  });

  await check('a mentee registers, logs in and finds the slot', async () => {
    const email = 'typed@konnect.test';
    good(await anybody.POST('/v1/auth/register', {
      body: { email, password: PASSWORD, name: 'Typed', locale: 'en', timeZone: 'Asia/Seoul' },
    }));
    const tokens = good(await anybody.POST('/v1/auth/login', { body: { email, password: PASSWORD } }));
    mentee = as(given.base, tokens.accessToken);
    const found = good(await anybody.GET('/v1/offerings', { params: { query: { limit: 10 } } }));
    if (!found.items.some((item) => item.id === offering)) fail('the offering is not in the list');
    const listing = good(await anybody.GET('/v1/offerings/{id}/slots', { params: { path: { id: offering } } }));
    const wanted = Date.parse(given.startsAt);
    if (!listing.slots.some((slot) => Date.parse(slot.startsAt) === wanted)) fail('the slot is not offered');
    return `${listing.slots.length} slots`;
  });

  await check('the slot is reserved once, however often it is asked for', async () => {
    const params = { header: once() };
    const body = { offeringId: offering, startsAt: given.startsAt, expectedPrice: 50_000 };
    booked = good(await mentee.POST('/v1/reservations', { params, body }));
    const again = good(await mentee.POST('/v1/reservations', { params, body }));
    if (again.id !== booked.id) fail('the key gave another reservation');
    const state: components['schemas']['ReservationState'] = 'awaiting_payment';
    if (booked.state !== state) fail(booked.state);
  });

  await check('another mentee is refused by a problem with a code', async () => {
    const { error, response } = await mentor.POST('/v1/reservations', {
      params: { header: once() },
      body: { offeringId: offering, startsAt: given.startsAt },
    });
    if (!error) return fail(`${response.status} instead of a refusal`);
    return `${response.status} ${error.code}`;
  });

  await check('it is paid and confirmed', async () => {
    const path = { id: reservation().id };
    const order = good(
      await mentee.POST('/v1/reservations/{id}/payment-orders', { params: { path, header: once() } }),
    );
    const paymentKey = await ask(`pay ${order.orderId} ${order.amount}`);
    good(await mentee.POST('/v1/payments/confirm', {
      params: { header: once() },
      body: { orderId: order.orderId, paymentKey, amount: order.amount },
    }));
    await ask('work');
    const paid = await look();
    if (paid.state !== 'confirmed') fail(paid.state);
    const payment = good(await mentee.GET('/v1/reservations/{id}/payment', { params: { path } }));
    return payment.state;
  });

  await check('it is cancelled for what was quoted', async () => {
    const path = { id: reservation().id };
    const quote = good(
      await mentee.POST('/v1/reservations/{id}/cancellation-quotes', { params: { path, header: once() } }),
    );
    const { version } = await look();
    const body = { reason: 'another plan', expectedVersion: version, quoteId: quote.id };
    const cancelled = good(
      await mentee.POST('/v1/reservations/{id}/cancel', { params: { path, header: once() }, body }),
    );
    await ask('work');
    const { state, refund } = await look();
    if (cancelled.state !== 'cancelled' || state !== 'cancelled') fail(state);
    if (refund !== quote.refund) fail(`${refund} instead of ${quote.refund}`);
    return `${refund} won`;
  });

  await check('every step was told', async () => {
    const { items } = good(await mentee.GET('/v1/me/notices', { params: { query: {} } }));
    if (items.length < 3) fail(`${items.length} notices`);
    return items.map((item) => item.kind).join(', ');
  });
}

function as(baseUrl: string, token: string): Client<paths> {
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
}
