/**
 * Names under which a core module of a bundle exports what admission has added to it (ADR 0156). A space is in no name that a
 * component may have.
 */

/** Before the index of a memory that the module keeps to itself. */
export const WATCHED_MEMORY = 'headway memory ';
/** How often the module wanted more memory, or a larger table, than it may have: a global of 32 bits for each. */
export const WATCHED_REFUSALS = 'headway refused memory';
export const WATCHED_TABLE_REFUSALS = 'headway refused table';
