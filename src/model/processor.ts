/** What has become of a cell that uses more of the processor than its `limits.cpu`; each follows the one before. */
export type ProcessorStage =
  | 'Within'
  /** It runs at the lowest priority. */
  | 'Lowered'
  /** And that is a condition. */
  | 'Told'
  /** And it is to be replaced. */
  | 'Recycle';

export interface ProcessorUse {
  readonly stage: ProcessorStage;
  /** Processors that the guest's thread used, on average over the last five seconds. */
  readonly used: number;
}
