/** Every bound of the status address. */
export interface ReportLimits {
  readonly connections: number;
  /** Readers of `/api/v1/events` at a time. */
  readonly eventReaders: number;
  /** What may wait for one reader before it is dropped. */
  readonly readerBufferBytes: number;
  /** A reader that takes nothing for this long is dropped. */
  readonly readerStallMs: number;
  /** Changes within this time are told as one. */
  readonly eventPeriodMs: number;
  readonly heartbeatMs: number;
  /** A status larger than this is announced and not sent. */
  readonly eventBytes: number;
  readonly hookBodyBytes: number;
  /** Deliveries that are taken up at once, and how long one place takes to come back. */
  readonly hookBurst: number;
  readonly hookRefillMs: number;
}

export const DEFAULT_REPORT_LIMITS: ReportLimits = {
  connections: 256,
  eventReaders: 64,
  readerBufferBytes: 4 * 2 ** 20,
  readerStallMs: 30_000,
  eventPeriodMs: 200,
  heartbeatMs: 15_000,
  eventBytes: 2 ** 20,
  hookBodyBytes: 2 ** 20,
  hookBurst: 10,
  hookRefillMs: 1_000,
};
