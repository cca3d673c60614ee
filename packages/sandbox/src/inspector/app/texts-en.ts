/** All texts of the page in English; `texts-zh.ts` has the same members. */
export const en = {
  title: 'hongbao sandbox',
  otherLanguage: '中文',
  close: 'Close',
  cancel: 'Cancel',
  copy: 'Copy',
  copied: 'Copied.',
  headers: 'Headers',
  body: 'Body',
  /** Hour, minute, second, millisecond. */
  units: ['h', 'min', 's', 'ms'] as readonly string[],
  bytes: (count: number): string => `${count} bytes`,

  bar: {
    target: 'Target',
    noTarget: 'none: events are kept, not sent',
    clock: 'Clock',
    speed: 'Speed of the clock',
    stopped: 'stopped',
    nextRetry: 'Next retry',
    faults: 'Faults',
    key: 'Key',
    trigger: 'Trigger',
    connecting: 'connecting',
    live: 'live',
    reconnecting: 'reconnecting',
    ahead: (time: string): string =>
      `The sandbox’s clock is ${time} ahead: an app that uses its own clock refuses the events.`,
    reset: 'Reset',
    resetSure: 'Remove all events, envelopes and faults?',
    restarted: (time: string): string =>
      `The sandbox was restarted at ${time}. Events that were not saved are gone.`,
  },

  list: {
    label: 'Events and requests',
    filter: 'Filter',
    newRows: (count: number): string => `${count} new`,
    older: 'Older rows are not shown. The filter finds them.',
    noMatch: 'Nothing matches the filter.',
    nothing: 'Nothing has happened yet.',
    next: (time: string): string => `next in ${time}`,
    summary: (rows: number, failed: number): string => `Rows: ${rows}, failed: ${failed}`,
    edited: 'edited copy',
    byFault: 'Fault: ',
  },

  requestSignature: {
    valid: 'signature valid',
    invalid: 'signature invalid',
    absent: 'not signed',
    unchecked: 'signature not checked',
  },

  status: {
    pending: 'pending',
    delivered: 'delivered',
    exhausted: 'given up',
    undelivered: 'not sent',
    failing: 'failing',
  },

  event: {
    resend: 'Resend',
    edit: 'Edit and resend',
    copyCurl: 'Copy curl',
    save: 'Save as fixture',
    failNext: 'Fail the next one',
    order: 'Order',
    gone: 'This is no longer kept.',
    attempt: (n: number): string => `Attempt ${n}`,
    noAttempts: 'No attempt has been made yet.',
    noTarget: 'There was no target. Set one, then resend.',
    copyOf: 'Edited copy of',
    causedBy: 'Caused by',
  },

  retries: {
    label: 'Attempts over 25 hours',
    table: 'As a table',
    planned: 'planned',
    advance: 'Advance to here',
    alsoRuns: (count: number): string => `Deliveries of other events that run too: ${count}`,
    after: 'After the first',
    result: 'Result',
    duplicate: 'duplicate',
    manual: 'by hand',
  },

  tabs: {
    answer: 'Answer',
    sent: 'Sent',
    signature: 'Signature',
    diff: 'Diff',
    envelope: 'Envelope',
    curl: 'curl',
  },

  answer: {
    none: 'No reply.',
    truncated: 'Only the first 64 KB are kept.',
    connect: 'connect',
    firstByte: 'first byte',
    total: 'total',
  },

  causes: {
    ok: 'Your app took the event: Ping++ does not send it again.',
    refused: 'Your app refused the event, perhaps because of its signature: see the Signature tab.',
    notFound: 'Your app has no route for this path, or not for POST.',
    client: 'Only a 2xx counts as received. A redirect is not followed.',
    server: 'Your app failed. Ping++ sends the event again.',
    byFault: (faults: string): string =>
      `⚡ Not your app: the fault ${faults} acted on this attempt.`,
    clock: 'Your app’s clock and the sandbox’s differ: the event is too old or from the future.',
    signature:
      'The signature does not fit, says your app. Compare the key; no parser may change the body before.',
    parsed: 'A parser took the body before it was verified. Mount the webhook route before it.',
    errors: {
      'connection-refused': 'No program listens at the target. Is your app running, on this port?',
      'connection-reset': 'The connection was closed before a reply came.',
      timeout: 'No reply came in time.',
      dns: 'The name of the target does not resolve.',
    },
  },

  sent: {
    hex: 'Hex',
    changed: '⚡ A fault changed or cut these bytes.',
    multi: 'multi-byte, such as Chinese',
    invalid: 'not UTF-8',
  },

  signature: {
    length: 'Length',
    attempts: 'Each attempt',
    valid: 'valid',
    absent: 'No signature was sent.',
    bodyDiffers: 'The body is not the one that was signed.',
    otherKey: 'This key did not make the signature.',
    snippet: 'Verify it yourself',
  },

  diff: {
    previous: 'With the attempt before',
    genuine: 'With the genuine bytes',
    same: 'Headers and body are equal, byte by byte.',
  },

  envelope: {
    /** Status of an envelope → its name; without one, as Ping++ has it. */
    statuses: {} as Readonly<Record<string, string>>,
    none: 'This event is not about a red envelope.',
    next: (status: string, time: string): string => `${status} in ${time}`,
    move: 'Move to',
    noMoves: 'This status is final.',
  },

  request: {
    sent: 'Request',
    caused: 'Caused',
  },

  editor: {
    type: 'Event type',
    changes: 'Changes to data.object',
    valid: 'Valid JSON',
    invalid: 'Not JSON:',
    signed: 'Signed again: your app accepts it.',
    broken: 'The old signature is kept: your app must refuse it.',
    stillFits: 'The old signature still fits: edit the body.',
    breakIt: 'Break the signature',
  },

  faults: {
    none: 'No fault is in force.',
    kind: 'Kind',
    remove: 'Remove',
  },

  target: {
    url: 'URL of your webhook route',
    set: 'Set',
    remove: 'Send nowhere',
    probing: 'Trying to reach it …',
    reached: (status: number, ms: number): string => `An app replied there: ${status} in ${ms} ms.`,
  },

  steps: {
    title: 'First steps',
    target: 'Tell the sandbox where your app is',
    env: 'Tell your app where the sandbox is',
    send: 'Send a first event',
  },

  help: {
    title: 'Keys',
    move: 'next and previous row',
    open: 'open the row',
    newest: 'newest row',
  },
}
