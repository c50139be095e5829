/**
 * How much of anything a component may have. All far above what toolchains produce (the largest real one we know,
 * a 12 MB JavaScript engine, has 4 core modules and 30,000 items), all far below what would hurt.
 */
export interface FormLimits {
  /** Components within components. */
  readonly nesting: number;
  /** Component and instance types within each other. */
  readonly typeNesting: number;
  /** Core modules, at all depths together. */
  readonly coreModules: number;
  /** Memories and tables, defined at all depths together. */
  readonly memories: number;
  readonly tables: number;
  /** Elements of one table: its initial size may not be above, its maximum is rewritten to it. */
  readonly tableElements: number;
  /** Entries of all lists that were walked. */
  readonly items: number;
  /** Of one import or export name. */
  readonly nameBytes: number;
}

export const FORM_LIMITS: FormLimits = {
  nesting: 16,
  typeNesting: 16,
  coreModules: 64,
  memories: 16,
  tables: 64,
  tableElements: 100_000,
  items: 500_000,
  nameBytes: 512,
};

/** WebAssembly's page. */
export const PAGE_BYTES = 65_536;
