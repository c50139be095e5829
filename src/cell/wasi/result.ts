/** The error of a WIT `result`, as the bindings take it without a throw. A plain value is the `ok` case. */
export interface Failed<E> {
  readonly tag: 'err';
  readonly val: E;
}

export function failed<E>(val: E): Failed<E> {
  return { tag: 'err', val };
}
