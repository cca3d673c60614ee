import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Delivery } from '../delivery/kept-deliveries.ts'
import type { Engine } from '../engine/engine.ts'
import type { Saver } from '../engine/engine-options.ts'
import type { EnvelopeEntry } from '../engine/envelopes.ts'
import { SandboxError } from '../errors.ts'
import type { Attempt } from '../events/sandbox-event.ts'
import type { ActiveFault } from '../faults/faults.ts'
import { lockFile } from './lock-file.ts'
import {
  loadDelivery,
  loadEnvelope,
  saveAttempt,
  saveDelivery,
  saveEnvelope,
  type SavedAttempt,
  type SavedDelivery,
  type SavedEnvelope,
} from './saved.ts'

/** One line of the file. */
type Line =
  | { readonly event: SavedDelivery }
  | { readonly attempt: SavedAttempt; readonly of: string }
  | { readonly state: Pick<SavedDelivery, 'id' | 'status' | 'n' | 'nextAttemptMs'> }
  | { readonly evicted: string }
  | { readonly envelope: SavedEnvelope }
  | { readonly faults: readonly ActiveFault[] }

const FILE = 'events.ndjson'
const MAX_APPENDED_BYTES = 64 * 1024 * 1024

/**
 * Keeps what a sandbox knows in a file, for the next one that is started with it. Lines are only appended, so the
 * end of the process loses at most the last one; at the start, and every 64 MiB, the file is written anew.
 */
export class EventLog implements Saver {
  readonly #path: string
  readonly #unlock: () => void
  readonly #known = new Set<string>()
  #engine: Engine | undefined
  #file: number | undefined
  #appendedBytes = 0
  #isClosed = false

  /** @throws SandboxError `option-invalid` if the folder is in use, or a file in it is a link */
  constructor(directory: string) {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
    const ignore = join(directory, '.gitignore')
    if (!fs.existsSync(ignore)) fs.writeFileSync(ignore, '*\n')
    this.#path = join(directory, FILE)
    if (fs.lstatSync(this.#path, { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw new SandboxError('option-invalid', `${this.#path} is a symbolic link. Delete it.`)
    }
    this.#unlock = lockFile(`${this.#path}.lock`)
  }

  /** Gives an engine what an earlier sandbox has kept, and keeps from now on what happens in it. Returns the number of events. */
  attach(engine: Engine): number {
    const { deliveries, envelopes, faults } = readLines(this.#path)
    for (const entry of envelopes.values()) engine.envelopes.restore(loadEnvelope(entry))
    engine.faults.restore(faults)
    for (const saved of deliveries.values()) engine.deliveries.restore(loadDelivery(saved))
    this.#engine = engine
    this.#rewrite(engine)
    return deliveries.size
  }

  delivery(delivery: Delivery, made?: Attempt): void {
    const { event, n } = delivery
    const { id, status, nextAttemptMs } = event
    if (!this.#known.has(id)) {
      this.#known.add(id)
      this.#append({ event: saveDelivery(delivery) })
    } else if (made === undefined) this.#append({ state: { id, status, n, nextAttemptMs } })
    else this.#append({ attempt: saveAttempt(made, event.bytes), of: id })
  }

  evicted(id: string): void {
    this.#known.delete(id)
    this.#append({ evicted: id })
  }

  envelope(entry: EnvelopeEntry): void {
    this.#append({ envelope: saveEnvelope(entry) })
  }

  faults(faults: readonly ActiveFault[]): void {
    this.#append({ faults })
  }

  reset(): void {
    if (this.#engine !== undefined) this.#rewrite(this.#engine)
  }

  /** Can be called again. */
  close(): void {
    this.#engine = undefined
    if (this.#file !== undefined) fs.closeSync(this.#file)
    this.#file = undefined
    // The file of the next sandbox must not be removed.
    if (!this.#isClosed) this.#unlock()
    this.#isClosed = true
  }

  #append(line: Line): void {
    if (this.#file === undefined || this.#engine === undefined) return
    try {
      this.#appendedBytes += fs.writeSync(this.#file, `${JSON.stringify(line)}\n`)
      if (this.#appendedBytes > MAX_APPENDED_BYTES) this.#rewrite(this.#engine)
    } catch (error) {
      // The disk is full, for example; the sandbox itself goes on.
      const message = `Events are no longer kept in ${this.#path}. ${String(error)}`
      this.#engine.journal.write({ type: 'error', message })
      this.#engine = undefined
    }
  }

  /** What there is now, and nothing that was removed; in another file first, which then takes the place of the old one. */
  #rewrite({ deliveries, envelopes, faults }: Engine): void {
    const all = deliveries.all()
    const lines: Line[] = [
      { faults: faults.list() },
      ...envelopes.entries().map((entry) => ({ envelope: saveEnvelope(entry) })),
      ...all.map((delivery) => ({ event: saveDelivery(delivery) })),
    ]
    const temporary = `${this.#path}.tmp`
    fs.rmSync(temporary, { force: true })
    const file = fs.openSync(temporary, 'ax', 0o600)
    for (const line of lines) fs.writeSync(file, `${JSON.stringify(line)}\n`)
    fs.renameSync(temporary, this.#path)
    if (this.#file !== undefined) fs.closeSync(this.#file)
    this.#file = file
    this.#appendedBytes = 0
    this.#known.clear()
    for (const { event } of all) this.#known.add(event.id)
  }
}

interface Kept {
  readonly deliveries: Map<string, SavedDelivery>
  readonly envelopes: Map<string, SavedEnvelope>
  faults: readonly ActiveFault[]
}

/** A line that was cut, as the last one of a process that was killed, is left out. */
function readLines(path: string): Kept {
  const kept: Kept = { deliveries: new Map(), envelopes: new Map(), faults: [] }
  if (!fs.existsSync(path)) return kept
  for (const text of fs.readFileSync(path, 'utf8').split('\n')) {
    const line = parse(text)
    if (line !== undefined) take(kept, line)
  }
  return kept
}

function parse(text: string): Line | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by this class, in a folder of the user
    return text === '' ? undefined : (JSON.parse(text) as Line)
  } catch {
    return undefined
  }
}

function take(kept: Kept, line: Line): void {
  const { deliveries, envelopes } = kept
  if ('event' in line) deliveries.set(line.event.id, line.event)
  else if ('envelope' in line) envelopes.set(line.envelope.envelope.id, line.envelope)
  else if ('faults' in line) kept.faults = line.faults
  else if ('evicted' in line) deliveries.delete(line.evicted)
  else if ('attempt' in line) {
    const saved = deliveries.get(line.of)
    if (saved !== undefined)
      deliveries.set(saved.id, { ...saved, attempts: [...saved.attempts, line.attempt] })
  } else {
    const saved = deliveries.get(line.state.id)
    if (saved !== undefined)
      deliveries.set(saved.id, { ...saved, nextAttemptMs: undefined, ...line.state })
  }
}
