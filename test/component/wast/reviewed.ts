/**
 * What is known about verdicts that are not what a reader expects, each with its reason. The scripts are those of
 * WebAssembly/component-model at 6d281648bd89caf885a7adcc412962dbd2425ab7 (21 August 2026), `test/`, unchanged.
 */

/** Where jco's own bindings and ours part. Ours is what the reference asks for in each of them. */
export const DIFFERENCES: readonly (readonly [at: string, stock: string, why: string])[] = [
  ['linking/unit.wast:616', 'breaks', 'jco has no task for a call between guests while they are instantiated'],
  ['linking/unit.wast:646', 'no instance', 'as above'],
  ['linking/unit.wast:647', 'no instance', 'as above'],
  ['linking/unit.wast:648', 'no instance', 'as above'],
  ['resources/handle-table.wast:201', 'returns nothing', 'jco drops a handle that it never gave out'],
  ['resources/handle-table.wast:209', 'returns nothing', 'jco drops a handle that it never gave out'],
  ['resources/handle-table.wast:261', 'returns nothing', 'jco drops a handle of another instance'],
  ['resources/handle-table.wast:293', 'returns nothing', 'jco drops a handle of another instance'],
  ['values/numerics.wast:79', 'traps (TypeError)', 'jco refuses a boolean that is neither 0 nor 1'],
  ['values/numerics.wast:80', 'traps (TypeError)', 'jco refuses an integer that is too wide'],
  ['values/numerics.wast:82', 'traps (TypeError)', 'jco refuses an integer that is too wide'],
  ['values/strings.wast:85', 'returns "\ufffd"', 'jco replaces what is no UTF-8'],
  ['values/strings.wast:101', 'returns "\ufffd"', 'jco replaces what is no UTF-8'],
];

/** Where ours is not what the reference asks for, and no refusal. */
export const UNMET: readonly (readonly [at: string, ours: string, why: string])[] = [
  [
    'async/trap-on-reenter.wast:86',
    'returns nothing',
    'a component may call one that is nested in it: bindings know instances, not who holds whom; each runs once at a time',
  ],
  ['async/trap-on-reenter.wast:110', 'returns nothing', 'the same from the inside out'],
  ['binary/binary.wast:44', 'accepted', 'custom sections are dropped unread'],
  ['binary/binary.wast:52', 'accepted', 'custom sections are dropped unread'],
  [
    'resources/multiple-resources.wast:170',
    'traps (trap)',
    'each type of resource has a table of its own, as in jco: handles of two types may have one number',
  ],
  ['validation/external-visibility.wast:580', 'the transpiler breaks', 'a panic in jco, which a child takes'],
  ['values/alignment.wast:143', 'the transpiler breaks', 'jco 0.15 panics on latin1+utf16 and utf16 between guests'],
  ['values/alignment.wast:170', 'the transpiler breaks', 'as above'],
  ['values/alignment.wast:171', 'no instance: the transpiler breaks', 'as above'],
  ['values/alignment.wast:172', 'the transpiler breaks', 'as above'],
  ['values/alignment.wast:173', 'no instance: the transpiler breaks', 'as above'],
  ['values/realloc.wast:111', 'returns nothing', 'where no bytes are written, the address of them is not looked at'],
  ['values/transcode.wast:205', 'the transpiler breaks', 'jco 0.15 panics on latin1+utf16 and utf16 between guests'],
  ['values/transcode.wast:319', 'no instance: the transpiler breaks', 'as above'],
  ['values/transcode.wast:323', 'the transpiler breaks', 'as above'],
  ['values/transcode.wast:432', 'no instance: the transpiler breaks', 'as above'],
];

/** Valid components that are refused, and how many commands come to nothing by it. */
export const REFUSED: readonly (readonly [reason: RegExp, commands: number, why: string])[] = [
  [/HW2108 the component uses an asynchronous built-in/, 161, 'WASI 0.3'],
  [/HW2108 the component declares a type that WASI 0\.2 does not have/, 223, 'WASI 0.3, maps, lists of a fixed length'],
  [/HW2108 a core module declares exception tags/, 10, 'a tag carries references past what admission looks at'],
  [/HW2108 an? (?:im|ex)port has a name of an unknown form/, 6, 'attributes of names, which came after WASI 0.2'],
  [/HW2112 the component imports/, 21, 'functions, types and modules outside of an interface: no host has them'],
  [/HW2102 a core module declares an unknown type 0x00/, 1, 'a core type without a form, which no toolchain writes'],
  [/HW2103 an argument is named/, 1, 'names that are not kebab-case'],
  [
    /HW2201 .*failed to extract interface information/,
    56,
    'jco wants types that are named, and exported by their name',
  ],
  [/HW2201 .*unsupported section found in module using multiple memories/, 10, 'jco 0.15'],
  [/not a text of a component/, 2, 'a spelling that the text format no longer has'],
];
