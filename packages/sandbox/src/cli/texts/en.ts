/** Texts for people who do not read Chinese. `zh` has the same. */
export const en = {
  language: 'en' as 'en' | 'zh',
  error: 'error: ',
  warning: 'warning: ',
  sandbox: 'sandbox',
  /** `kind`: command, option, or the option or argument whose value was wrong. */
  unknownName: (
    kind: string,
    given: string,
    near: string | undefined,
    names: readonly string[],
  ): string => {
    const hint = near === undefined ? `Valid: ${names.join(', ')}.` : `Did you mean ${near}?`
    const isName = kind === 'command' || kind === 'option'
    return `${isName ? `Unknown ${kind} ${given}` : `${kind} "${given}" is not valid`}. ${hint} See --help.`
  },
  optionNeedsValue: (option: string): string => `A value is missing: ${option}.`,
  optionTakesNoValue: (option: string): string => `${option} takes no value.`,
  wrongOption: (option: string, given: string, expected: string): string =>
    `${option} "${given}" is not valid. Expected ${expected}.`,
  missingWord: (word: string, path: string): string =>
    `${word} is missing. See: hongbao-sandbox help ${path}`,
  wrongId: (word: string, given: string): string => `${word} "${given}" is not an id.`,
  extraWord: (word: string, path: string): string =>
    `Unexpected argument "${word}". See: hongbao-sandbox help ${path}`,
  expected: {
    whole: 'a whole number',
    number: 'a number',
    count: 'a whole number from 1 to 999,999',
    unixTime: 'Unix time in seconds',
    duration: 'a number and a unit: 500ms, 90s, 10m, 25h, 1d, 1h30m',
    sandboxUrl: 'a URL or a port: http://127.0.0.1:4141, localhost:4141, 4141',
    clock: 'real, virtual, or a number above 0',
    change: 'a field and a value: amount=500, extra.send_name=红包',
    attempts: 'a number or a range: 2, 1..3',
    times: 'a whole number, or always',
    match: 'type, envelope, order-no or operation, "=" and a value: type=red_envelope.sent',
    requestTarget: 'path and query as they are sent: /v1/red_envelopes?limit=3',
  },
  noBody: 'There is no body. Name a file, or pipe it in.',
  noType: 'An event type is missing. List them: hongbao-sandbox trigger --list',
  envelopeTwice: 'Give --envelope or --order-no, not both.',
  noField: (name: string, type: string, names: string): string =>
    `--set ${name}: \`data.object\` of a ${type} has no such field. It has: ${names}.`,
  noMember: (name: string): string => `--set ${name}: there is no object to set a member of.`,
  setMustBe: (name: string, kind: string): string => `--set ${name} must be ${kind}.`,
  orderNoDigits: '--set order_no must be 1 to 28 digits, as for every red envelope.',
  valueKinds: {
    integer: 'an integer',
    number: 'a number',
    boolean: 'true or false',
    list: 'a JSON list',
    object: 'a JSON object',
    text: 'a text',
  },
  onlyForward:
    'The clock can only move forward. To set it back to now: hongbao-sandbox reset, which also removes events and envelopes.',
  noFolder: (directory: string): string =>
    `There is no ${directory}. Run this command where the sandbox was started, or name its folder: --dir.`,
  otherKey: (directory: string): string =>
    `The sandbox signs with another key than that of ${directory}. Name the folder that it was started with: --dir.`,
  oneKey: 'Give one of --public, --merchant-public, --merchant-private, --api-key.',
  noKey: (directory: string): string =>
    `There is no key in ${directory}. Name one with --key, or its folder with --dir.`,
  noSignature: 'The signature is missing. Give it with --signature or --signature-file.',
  fileErrors: {
    ENOENT: (path: string): string => `${path} does not exist.`,
    EACCES: (path: string): string => `${path} cannot be read or written: permission denied.`,
    EISDIR: (path: string): string => `${path || 'The path'} is a folder, not a file.`,
    ENOTDIR: (path: string): string =>
      `${path} cannot be used: a part of the path is not a folder.`,
  } as Readonly<Record<string, ((path: string) => string) | undefined>>,
  unreachable: (url: string): string =>
    `No sandbox answers at ${url}. Start one: npx hongbao-sandbox start. If it is elsewhere: --url, or HONGBAO_SANDBOX_URL.`,
  noSandbox: (url: string): string =>
    `What answers at ${url} is not a sandbox. Start one: npx hongbao-sandbox start. If it is elsewhere: --url, or HONGBAO_SANDBOX_URL.`,
  otherVersion: (url: string): string =>
    `The sandbox at ${url} has another version than this command. Install one version for both.`,
  ended: (url: string): string =>
    `The sandbox at ${url} has ended. Start one: npx hongbao-sandbox start. To use another one: --url.`,
  silent: (url: string, pid: number): string =>
    `The sandbox of this project (${url}) does not answer. Process ${pid} runs; it may hang, or be another program that got its number. Start a new sandbox: npx hongbao-sandbox start. To use another one: --url.`,
  foreign: (url: string, file: string): string =>
    `The sandbox at ${url} is not the one that was started in this project (${file}). Start one here: npx hongbao-sandbox start. To use that one: --url ${url}.`,
  foreignDefault: (url: string): string =>
    `The sandbox at ${url} has other keys than this project; it may be another project's. Start one here: npx hongbao-sandbox start. To use that one: --url ${url}.`,
  notChanged: (url: string, directory: string): string =>
    `Nothing was changed: no sandbox was started in this project (${directory} has no keys), and the one at ${url} may be another project's. Start one here: npx hongbao-sandbox start. To use that one: --url ${url}.`,
  guessed: (url: string): string =>
    `No sandbox was started in this project; this is the one at ${url}, which may be another project's.`,
  timedOut: (duration: string): string =>
    `Nothing came within ${duration}. --timeout sets how long to wait.`,
  /** What the sandbox refused or corrected: by its code, or else in its own words. */
  refusal: (code: string, message: string): string => {
    const known: Readonly<Record<string, string>> = {
      'target-invalid': message.includes('no target')
        ? 'There is no target. Set one: hongbao-sandbox target set http://localhost:3000/webhooks'
        : 'The target must be a URL with http: or https:, without a user name or a password: http://localhost:3000/webhooks',
    }
    return known[code] ?? (message === '' ? 'The sandbox refused without a reason.' : message)
  },
  banner: {
    noMoney: 'for development: no money moves',
    checked: 'signatures are checked',
    unchecked: 'signatures are not checked; --request-signatures strict checks them',
    next: 'Next',
    setTarget: ['target set http://localhost:3000/webhooks', 'send notifications to your app'],
    steps: [
      ['env --sdk node', 'point your code at the sandbox'],
      ['trigger red_envelope.sent --wait', 'send a notification'],
      ['open', 'look at it in the browser'],
    ],
  } as Readonly<Record<'noMoney' | 'checked' | 'unchecked' | 'next', string>> & {
    readonly setTarget: readonly [string, string]
    readonly steps: readonly (readonly [string, string])[]
  },
  headings: {
    url: 'url',
    inspector: 'inspector',
    target: 'target',
    clock: 'clock',
    key: 'key',
    requests: 'requests',
    events: 'events',
    envelopes: 'envelopes',
    faults: 'faults',
    version: 'version',
    id: 'ID',
    type: 'TYPE',
    status: 'STATUS',
    attempts: 'ATTEMPTS',
    order: 'ORDER',
    envelope: 'ENVELOPE',
    created: 'CREATED',
    signature: 'SIGNATURE',
    next: 'NEXT',
    fingerprint: 'fingerprint',
  },
  noTarget: 'none: notifications are kept and not sent (hongbao-sandbox target set <url>)',
  keptUnsent:
    'There is no target, so it was kept and not sent. Set one: hongbao-sandbox target set http://localhost:3000/webhooks',
  portTaken: (port: number): string =>
    `Port ${port} is taken, so the next free one is used; --strict-port makes that an error.`,
  openToNetwork: (host: string): string =>
    `The sandbox listens on ${host}: everyone who can reach this machine can read and control it, without a password.`,
  otherRunning: (url: string): string =>
    `A sandbox already runs for this folder, at ${url}. From now on commands here use the new one; --url ${url} uses the other.`,
  speed: (speed: number): string =>
    speed === 1 ? 'real time' : speed === 0 ? 'virtual' : `×${speed}`,
  clockNow: (time: string, speed: string): string => `${time} here, ${speed}.`,
  nextDelivery: (duration: string, more: number): string =>
    `The next delivery is due in ${duration}${more > 0 ? `; ${more} more later` : ''}.`,
  nextOther: (duration: string): string =>
    `The next envelope expires or is refunded in ${duration} (clock next --any).`,
  noDelivery: 'No delivery is scheduled.',
  nothingScheduled: 'Nothing is scheduled.',
  timersRan: (count: number): string => (count === 1 ? '1 timer ran.' : `${count} timers ran.`),
  clockAhead: (lead: string, leadMs: number): string =>
    `The sandbox is ${lead} ahead of this machine, so an app that uses the machine's clock refuses its events (403, event-from-future). Give the app the sandbox's: createWebhooks({ now: sandbox.clock.now }), or in another process { now: () => Date.now() + ${leadMs} }. To set the clock back to now: hongbao-sandbox reset.`,
  wasReset: 'reset',
  rotated: 'A running sandbox keeps its keys; start it again.',
  noEvents: 'There are no events.',
  noEnvelopes: 'There are no envelopes.',
  noFaults: 'No fault is in force.',
  firedTimes: (count: number): string => `fired ${count}×`,
  notOpened: 'No browser could be started; open this address.',
  valid: 'valid',
  invalid: 'invalid',
  eventStatus: {
    pending: 'pending',
    delivered: 'delivered',
    exhausted: 'exhausted',
    undelivered: 'undelivered',
  },
  kinds: { scheduled: 'scheduled', duplicate: 'duplicate', manual: 'manual' },
  requestSignature: {
    valid: 'signature valid',
    invalid: 'signature invalid',
    absent: 'signature absent',
    unchecked: 'signature unchecked',
  },
  order: (orderNo: string): string => `order ${orderNo}`,
  fault: (names: string): string => `fault: ${names}`,
  kept: 'kept: there is no target',
  held: (duration: string): string => `held back for ${duration}`,
  heldUntilAnother: (duration: string): string =>
    `held back until another notification is sent, ${duration} at most`,
  attemptIn: (n: number, duration: string): string => `attempt ${n} in ${duration}`,
  attemptCancelled: (n: number): string => `attempt ${n} cancelled`,
  delivered: (attempts: number): string =>
    attempts === 1 ? 'delivered' : `delivered after ${attempts} attempts`,
  exhausted: (attempts: number): string => `given up after ${attempts} attempts`,
  noAnswer: 'no answer',
  signedWith: {
    webhook: (directory: string): string =>
      `The body is genuine, but it was signed with the webhook key of ${directory}.`,
    merchant: (): string =>
      "The body is genuine, but it was signed with the merchant's key, which signs requests.",
    previous: (directory: string): string =>
      `The body is genuine, but it was signed with the webhook key of ${directory} before its rotation.`,
  } as Readonly<Record<'webhook' | 'merchant' | 'previous', (directory: string) => string>>,
  signatureCauses: {
    lineBreak: 'A line break was added at the end of the body, as editors and `echo` do.',
    byteOrderMark: 'A byte order mark was added before the body, as some editors do.',
    latin1: 'The body was read as latin1 and written as UTF-8.',
    serialised: 'The body was parsed and serialised again, so it is not what was signed.',
    unknown:
      'Either another key signed it (is this the Ping++ public key of the account, and not your own?), or the body has changed since.',
  },
  install: {
    bash: 'Add to ~/.bashrc: source <(hongbao-sandbox completion bash)',
    zsh: 'Add to ~/.zshrc, after compinit: source <(hongbao-sandbox completion zsh)',
    fish: 'Save it: hongbao-sandbox completion fish > ~/.config/fish/completions/hongbao-sandbox.fish',
  },
  noDoctorTarget: 'Name the app: --target http://localhost:3000/webhooks',
  noCount: (url: string): string =>
    `${url} does not answer with a number. It must say how many events the app has applied.`,
  doctorSummary: (passed: number, failed: number): string =>
    failed === 0 ? 'No check failed.' : `${failed} of ${passed + failed} checks failed.`,
}
