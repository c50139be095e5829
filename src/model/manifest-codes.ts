import type { CodeRow } from './codes.ts';

/** What can be wrong with a manifest. HW100x bytes and YAML · HW101x form · HW102x-HW103x sense · HW104x admission · HW106x lint · HW107x strategies · HW108x schedules, singletons, roles. */
export const MANIFEST_CODES = {
  HW1001: { title: 'not YAML', remedy: 'mend the syntax at the place shown', policy: 'Terminal' },
  HW1002: {
    title: 'not plain text',
    remedy: 'save the file as UTF-8 without control characters and without marks that reorder or hide text',
    policy: 'Terminal',
  },
  HW1003: {
    title: 'file over the limits',
    remedy: 'split it into smaller files with plainer content',
    policy: 'Terminal',
  },
  HW1004: {
    title: 'YAML feature not allowed',
    remedy: 'write the value out where it is used: no anchors, aliases, merge keys, tags or directives',
    policy: 'Terminal',
  },
  HW1005: { title: 'key written twice', remedy: 'keep one of the two', policy: 'Terminal' },
  HW1006: {
    title: 'ambiguous boolean',
    remedy: 'write true or false for a boolean, or quote it to have text: YAML 1.1 and 1.2 read it differently',
    policy: 'Terminal',
  },
  HW1007: {
    title: 'value without a JSON form',
    remedy: 'write a finite number of at most 15 digits, or well-formed text without NUL, or quote it',
    policy: 'Terminal',
  },
  HW1008: {
    title: 'manifests stop the parser',
    remedy: 'revert the commit, or simplify the file that was added or changed',
    policy: 'Terminal',
  },
  HW1009: {
    title: 'parser not available',
    remedy:
      'see the message; a daemon tries again by itself, a command is run again once the machine has room for a process',
    policy: 'Retry',
  },
  HW1010: {
    title: 'not a Headway document',
    remedy: 'write `apiVersion: headway.dev/v1alpha1`, or move the file out of the followed path',
    policy: 'Terminal',
  },
  HW1011: { title: 'unknown kind', remedy: 'correct `kind`', policy: 'Terminal' },
  HW1012: {
    title: 'kind not implemented yet',
    remedy: 'leave the document out until a version of Headway that runs it',
    policy: 'Terminal',
  },
  HW1013: { title: 'unknown field', remedy: 'correct its name or delete it', policy: 'Terminal' },
  HW1014: { title: 'field missing', remedy: 'add it', policy: 'Terminal' },
  HW1015: { title: 'wrong type', remedy: 'write a value of the type named', policy: 'Terminal' },
  HW1016: { title: 'value not allowed', remedy: 'write one of the values listed', policy: 'Terminal' },
  HW1017: { title: 'malformed value', remedy: 'write it in the form shown', policy: 'Terminal' },
  HW1018: { title: 'out of range', remedy: 'stay within the bounds named', policy: 'Terminal' },
  HW1019: { title: 'fields exclude each other', remedy: 'keep one of them', policy: 'Terminal' },
  HW1020: {
    title: 'no single Environment',
    remedy: 'keep exactly one document of kind Environment under the followed path',
    policy: 'Terminal',
  },
  HW1021: {
    title: 'document written twice',
    remedy: 'rename or delete one of them',
    policy: 'Terminal',
  },
  HW1022: {
    title: 'document outside its tenant path',
    remedy: 'move the file, or correct metadata.namespace or spec.tenants of the Environment',
    policy: 'Terminal',
  },
  HW1023: { title: 'reference to nothing', remedy: 'correct the name or add the document', policy: 'Terminal' },
  HW1024: {
    title: 'depends on an invalid document',
    remedy: 'mend the document that it refers to',
    policy: 'Terminal',
  },
  HW1025: {
    title: 'match claimed twice',
    remedy: 'change one of the rules, or grant the host to one namespace by a Policy',
    policy: 'Terminal',
  },
  HW1026: {
    title: 'weights do not rise',
    remedy: 'give each step a larger weight than the one before',
    policy: 'Terminal',
  },
  HW1027: { title: 'values contradict each other', remedy: 'change one of the two', policy: 'Terminal' },
  HW1028: {
    title: 'link not possible',
    remedy: 'link within one namespace and without a circle; entries of a circle can link each other with mode: Remote',
    policy: 'Terminal',
  },
  HW1029: {
    title: 'schedule not understood',
    remedy: 'write five fields (minute, hour, day of month, month, day of week) and an IANA time zone',
    policy: 'Terminal',
  },
  HW1030: { title: 'name used twice in a list', remedy: 'rename or delete one of them', policy: 'Terminal' },
  HW1031: {
    title: 'host not granted',
    remedy: 'claim hosts that a Policy grants to the namespace, or extend spec.hostnames of the Policy',
    policy: 'Terminal',
  },
  HW1032: {
    title: 'too many rules in one Route',
    remedy: 'split the Route: hostnames times matches are what counts',
    policy: 'Terminal',
  },
  HW1040: {
    title: 'exceeds a Policy',
    remedy: 'ask for less, or raise the ceiling in the Policy',
    policy: 'Terminal',
  },
  HW1041: {
    title: 'no ceiling known',
    remedy: 'mend the Environment or the Policy; nothing new starts before that',
    policy: 'Terminal',
  },
  HW1042: {
    title: 'not implemented yet',
    remedy: 'leave the field out until a version of Headway that implements it',
    policy: 'Terminal',
  },
  HW1060: {
    title: 'nothing points at the component',
    remedy: 'add a Route with a backendRef to it, or delete it',
    policy: 'Terminal',
  },
  HW1061: { title: 'document not used', remedy: 'refer to it or delete it', policy: 'Terminal' },
  HW1062: {
    title: 'gate that cannot decide',
    remedy: 'add a readiness probe, gate.synthetic, or insufficientData: Hold',
    policy: 'Terminal',
  },
  HW1063: {
    title: 'steps hardly protect',
    remedy: 'begin with a small weight and end below 100: promotion follows the last step by itself',
    policy: 'Terminal',
  },
  HW1064: {
    title: 'no readiness probe',
    remedy: 'add spec.probes.readiness, so that a replica that does not work never gets traffic',
    policy: 'Terminal',
  },
  HW1065: {
    title: 'approval that no step asks for',
    remedy: 'delete it or correct its name',
    policy: 'Terminal',
  },
  HW1066: {
    title: 'rollout without effect',
    remedy: 'delete spec.rollout: a component that is only linked inline changes with the entries that link it',
    policy: 'Terminal',
  },
  HW1067: {
    title: 'bound that cannot be reached',
    remedy: 'align the two values',
    policy: 'Terminal',
  },
  HW1068: {
    title: 'waiver or severity that does not hold',
    remedy: 'name a rule of lint itself, and write the reason of a waiver in a sentence',
    policy: 'Terminal',
  },
  HW1069: { title: 'waiver without a finding', remedy: 'delete the annotation', policy: 'Terminal' },
  HW1070: {
    title: 'preview host not possible',
    remedy: 'name a host of its own below the preview domain; one per release is there without it',
    policy: 'Terminal',
  },
  HW1071: {
    title: 'preview host claimed twice',
    remedy: 'give each component a preview host that no other and no Route has',
    policy: 'Terminal',
  },
  HW1080: {
    title: 'arguments for a function that takes none',
    remedy: 'delete args, or call the command: leave `export` out, or name wasi:cli/run@0.2.0 and run',
    policy: 'Terminal',
  },
  HW1082: {
    title: 'schedule that never fires',
    remedy: 'name a day that its months have',
    policy: 'Terminal',
  },
  HW1083: {
    title: 'parameters do not fit the function',
    remedy: 'write each parameter by its name in WIT, as docs/typed-exports.md maps its type to JSON',
    policy: 'Terminal',
  },
  HW1084: {
    title: 'parameters that cannot be given',
    remedy: 'name a function by `export`, and write at most 16,384 bytes',
    policy: 'Terminal',
  },
  HW1085: {
    title: 'a Singleton is one instance',
    remedy: 'delete the line, or choose instancePolicy Pooled',
    policy: 'Terminal',
  },
  HW1087: {
    title: 'Role that nothing uses',
    remedy: 'refer to it (`- {name: …, roleRef: {name: …}}` in spec.capabilities), or delete it',
    policy: 'Terminal',
  },
  HW1086: {
    title: 'steps of a Singleton',
    remedy: 'choose a strategy without weights (Immediate, BlueGreen): its mailbox is handed over as a whole',
    policy: 'Terminal',
  },
  HW1090: {
    title: 'export not found',
    remedy: 'name an interface, with its version, and a function that the component exports',
    policy: 'Terminal',
  },
  HW1091: {
    title: 'export cannot be called with JSON',
    remedy: 'export a function whose parameters and result are values, or answer HTTP in the component',
    policy: 'Terminal',
  },
  HW1092: {
    title: 'exports cannot be read',
    remedy: 'build the component again',
    policy: 'Terminal',
  },
  HW1217: {
    title: 'isolation Shared that no Policy allows',
    remedy:
      'write Shared into spec.isolation of a Policy for the namespace, or leave spec.isolation of the Component out',
    policy: 'Terminal',
  },
  HW1220: {
    title: 'host of a grant that nothing can have',
    remedy:
      'write a name without a dot at its end (api.example), `*.` and a domain, an address in its usual form (10.0.0.1), or a block whose address has nothing behind the prefix (10.0.0.0/8); for `nameLookup` a name; for `listen` an address and a port (127.0.0.1:9000)',
    policy: 'Terminal',
  },
  HW1240: {
    title: 'mounts of a component that are in each other',
    remedy: 'give each filesystem grant a mountPath of its own that is not below another one',
    policy: 'Terminal',
  },
  HW1241: {
    title: 'grant to write to a folder of the repository',
    remedy: 'name a volume in place of the path, or grant access: ReadOnly without quotas',
    policy: 'Terminal',
  },
  HW1242: {
    title: 'folder that is not in the commit',
    remedy: 'commit the folder, or name one that is there, relative to the followed path',
    policy: 'Terminal',
  },
  HW1243: {
    title: 'folder that cannot be mounted',
    remedy:
      'mount a smaller folder without links: a cell holds all of it in memory; what is large belongs into a volume',
    policy: 'Terminal',
  },
  HW1244: {
    title: 'volume that a component mounts twice',
    remedy: 'name each volume in one grant: rights and quotas are of the volume, and not of the place where it is seen',
    policy: 'Terminal',
  },
} as const satisfies Record<string, CodeRow>;
