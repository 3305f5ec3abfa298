/**
 * The registry of errors: code → status, message, and whether the same request may be sent again.
 * `docs/errors.md` is held against it by a test. Codes are stable; messages may improve.
 */
interface ErrorEntry {
  /** HTTP status. */
  readonly status: number;
  /** What went wrong and what to do; a detail is put after it. */
  readonly message: string;
  /** True when sending the same request again (same id) can succeed without a change. */
  readonly retry: boolean;
}

const define = (status: number, message: string, retry = false): ErrorEntry => ({ status, message, retry });

export const ERRORS = {
  invalid_json: define(400, 'The body is not valid JSON. Send one JSON document, encoded in UTF-8.'),
  invalid_request: define(400, 'The request does not match its schema. Correct the named field.'),
  unknown_field: define(400, 'The request has a field that does not exist. Remove or rename it.'),
  invalid_amount: define(
    400,
    'An amount is a whole number from 0 to 9007199254740991 in the smallest unit of its meter, or a decimal within its scale; past 15 digits send a string.',
  ),
  amount_out_of_range: define(422, 'The charge would take a counter past 9007199254740991. Nothing was charged.'),
  invalid_gzip: define(400, 'The body is not valid gzip. Send it whole, or without "content-encoding".'),
  invalid_period: define(
    400,
    'The period or range is not valid, or has too many parts. See the documentation of the report.',
  ),
  time_in_future: define(422, 'The time of an event may be at most 5 minutes ahead. Correct the clock of the sender.'),
  unauthenticated: define(401, 'A key is needed: send "Authorization: Bearer KEY" or "x-weir-key: KEY".'),
  invalid_key: define(401, 'The key is unknown or was revoked. Make one with "weir keys create".'),
  forbidden: define(403, 'The key lacks the scope for this, or is bound to another customer.'),
  not_found: define(404, 'There is nothing at this address.'),
  unknown_customer: define(404, 'The customer is not in the catalog. Add it, or correct the id.'),
  unknown_feature: define(404, 'The feature is not in the catalog. Add it, or correct the id.'),
  unknown_entity: define(404, 'The entity is not below this customer. Add it to the customer, or correct the id.'),
  unknown_meter: define(404, 'The meter is not in the catalog. Add it, or correct the id.'),
  not_metered: define(422, 'The feature has no meter, so there is nothing to hold. Ask for it with a check.'),
  unknown_event_type: define(422, 'No meter counts events of this type. Correct "type", or add a meter.'),
  missing_value: define(422, 'The event lacks the value that its meter reads. Send it in "data".'),
  unknown_event: define(404, 'No fact with this source and id is known for the customer.'),
  unknown_reservation: define(404, 'The reservation is not known: it was never admitted, or is forgotten.'),
  method_not_allowed: define(405, 'The address exists, but not for this method.'),
  body_timeout: define(408, 'The body did not arrive in time. Send it again.', true),
  id_conflict: define(409, 'The id was used with another body. Use a new id, or send the same body.'),
  already_committed: define(409, 'The reservation is committed already, with another amount or operation.'),
  already_released: define(409, 'The reservation is released already.'),
  reservation_expired: define(409, 'The reservation has expired; its hold went back.'),
  owned_by_source: define(409, 'The object belongs to another source. Change it there.'),
  invalid_catalog: define(422, 'The catalog does not hold. Nothing was changed; every fault is listed.'),
  private_network: define(
    422,
    'The address lies in a private, loopback or link-local network. Name a public one, or set WEIR_ALERTS_PRIVATE_NETWORKS=allow.',
  ),
  body_too_large: define(413, 'The body is larger than the limit. Split it.'),
  unsupported_media_type: define(415, 'The content type or encoding is not supported here.'),
  too_many_items: define(422, 'There are more items than one request may carry. Split it.'),
  internal: define(500, 'Something broke on our side. The log has the details.', true),
  overloaded: define(
    503,
    'Too much is waiting. Send the same request again; what has an id is not charged twice.',
    true,
  ),
  store_unavailable: define(
    503,
    'Redis cannot be reached. Send the same request again; what has an id is not charged twice.',
    true,
  ),
  outcome_unknown: define(
    503,
    'The outcome is not known yet. Send the same request with the same id to learn it.',
    true,
  ),
  outbox_full: define(
    503,
    'Facts wait in Redis up to WEIR_OUTBOX_MB, since the relay or NATS does not take them. Nothing was charged.',
    true,
  ),
  id_memory_full: define(503, 'No room to remember another id. Raise WEIR_ID_MEMORY_MB, or send fewer ids.', true),
  uninitialised: define(
    503,
    'This Redis holds no Weir state yet. Wait for the start to end; if its data was lost, see docs/operations.md.',
    true,
  ),
  reports_unavailable: define(503, 'ClickHouse cannot be reached. Try again.', true),
  ledger_behind: define(
    503,
    'The ledger does not show yet what was charged a moment ago: NATS, the relay or the sink lags. Send the same request again.',
    true,
  ),
  alerts_unavailable: define(
    503,
    'Alerts cannot be reached: NATS is away, or another process is taking them over. Send the same request again.',
    true,
  ),
  draining: define(503, 'This process is stopping. Send the same request again.', true),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** An expected failure with a code of the registry. `field` names the offending part of the request (JSON path). */
export class WeirError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  /** Further machine-readable detail, such as the faults of a catalog. */
  readonly details: readonly unknown[] | undefined;

  constructor(code: ErrorCode, detail?: string, options: { field?: string; details?: readonly unknown[] } = {}) {
    super(detail === undefined ? ERRORS[code].message : `${ERRORS[code].message} (${detail})`);
    this.name = 'WeirError';
    this.code = code;
    this.field = options.field;
    this.details = options.details;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** The body of every error answer: `{ error: { code, message, field?, details?, docs } }`. */
export interface ErrorBody {
  error: { code: ErrorCode; message: string; field?: string; details?: readonly unknown[]; docs: string };
}

/** What a caller sees of an error. */
export function errorBody(error: WeirError): ErrorBody {
  return {
    error: {
      code: error.code,
      message: error.message,
      ...(error.field === undefined ? {} : { field: error.field }),
      ...(error.details === undefined ? {} : { details: error.details }),
      docs: `docs/errors.md#${error.code}`,
    },
  };
}
