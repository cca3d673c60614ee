import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Delivery } from '../delivery/deliveries.ts'
import type { Engine, Saver } from '../engine/engine.ts'
import type { EnvelopeEntry } from '../engine/envelopes.ts'
import { Refusal } from '../errors.ts'
import type { ActiveFault } from '../faults/faults.ts'
import { lockFile } from './lock-file.ts'
import { ignoreInGit, READ_NO_LINK, refuseLink } from './own-files.ts'
import { readLine, writeLine, type SavedLine } from './saved-line.ts'
import { textLines } from './text-lines.ts'

const FILE = 'events.ndjson'
const MAX_APPENDED_BYTES = 64 * 1024 * 1024

/**
 * Keeps what a sandbox knows in a file, for the next one that is started with it. Lines are only appended, so the
 * end of the process loses at most the last one; at the start, and every 64 MiB, the file is written anew.
 */
export class EventLog implements Saver {
  readonly #path: string
  readonly #unlock: () => void
  #engine: Engine | undefined
  #file: number | undefined
  #appendedBytes = 0
  #hasFailed = false
  #isClosed = false

  /** @throws SandboxError `option-invalid` if the folder is in use, or a file in it is a link */
  constructor(directory: string) {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
    ignoreInGit(directory)
    this.#path = join(directory, FILE)
    const lock = `${this.#path}.lock`
    for (const path of [this.#path, lock]) refuseLink(path)
    this.#unlock = lockFile(lock)
  }

  read(): Kept {
    return readLines(this.#path)
  }

  /**
   * Gives an engine what an earlier sandbox has kept, and keeps from now on what happens in it.
   *
   * @throws SandboxError `option-invalid` if the file cannot be written
   */
  attach(engine: Engine, { deliveries, envelopes, faults, damaged }: Kept): void {
    if (damaged > 0) {
      const message = `${damaged} of the lines of ${this.#path} could not be read, and are left out.`
      engine.journal.write({ type: 'error', message })
    }
    for (const envelope of envelopes.values()) engine.envelopes.restore(envelope)
    engine.faults.restore(faults)
    for (const delivery of deliveries.values()) engine.deliveries.restore(delivery)
    this.#engine = engine
    try {
      this.#rewrite(engine)
    } catch (error) {
      const about = { path: this.#path, error: String(error) }
      throw new Refusal('events-unwritable', about, { cause: error })
    }
  }

  keep(line: SavedLine): void {
    if (this.#file === undefined || this.#engine === undefined || this.#hasFailed) return
    try {
      const bytes = Buffer.from(writeLine(line))
      fs.appendFileSync(this.#file, bytes)
      this.#appendedBytes += bytes.length
      if (this.#appendedBytes > MAX_APPENDED_BYTES) this.#rewrite(this.#engine)
    } catch (error) {
      // The disk is full, for example; the sandbox itself goes on.
      const message = `Events are no longer kept in ${this.#path}. ${String(error)}`
      this.#engine.journal.write({ type: 'error', message })
      this.#hasFailed = true
    }
  }

  /** Whether events are kept; false after the file could not be written, until a reset. */
  get isKeeping(): boolean {
    return this.#engine !== undefined && !this.#hasFailed
  }

  /** Also takes up again what failed before: there may be room now. Otherwise the file is removed, so that no event of before the reset comes back. */
  reset(): void {
    if (this.#engine === undefined) return
    try {
      this.#rewrite(this.#engine)
      this.#hasFailed = false
    } catch {
      this.#hasFailed = true
      fs.rmSync(this.#path, { force: true })
    }
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

  /** What there is now, and nothing that was removed; in another file first, which then takes the place of the old one. */
  #rewrite({ deliveries, envelopes, faults }: Engine): void {
    const lines: SavedLine[] = [
      { faults: faults.list() },
      ...envelopes.entries().map((envelope) => ({ envelope })),
      ...deliveries.all().map((delivery) => ({ delivery })),
    ]
    const temporary = `${this.#path}.tmp`
    fs.rmSync(temporary, { force: true })
    const file = fs.openSync(temporary, 'ax', 0o600)
    try {
      for (const line of lines) fs.appendFileSync(file, writeLine(line))
      fs.fsyncSync(file)
      fs.renameSync(temporary, this.#path)
    } catch (error) {
      fs.closeSync(file)
      fs.rmSync(temporary, { force: true })
      throw error
    }
    if (this.#file !== undefined) fs.closeSync(this.#file)
    this.#file = file
    this.#appendedBytes = 0
  }
}

export interface Kept {
  readonly deliveries: Map<string, Delivery>
  readonly envelopes: Map<string, EnvelopeEntry>
  faults: readonly ActiveFault[]
  /** Lines that are not as they were written. */
  damaged: number
}

/** The last line is left out if it was cut, as that of a process that was killed. */
function readLines(path: string): Kept {
  const kept: Kept = { deliveries: new Map(), envelopes: new Map(), faults: [], damaged: 0 }
  if (!fs.existsSync(path)) return kept
  const file = fs.openSync(path, READ_NO_LINK)
  try {
    for (const text of textLines(file)) {
      const line = readLine(text)
      if (line !== undefined || text.endsWith('\n')) take(kept, line)
    }
  } finally {
    fs.closeSync(file)
  }
  return kept
}

function take(kept: Kept, line: SavedLine | undefined): void {
  if (line === undefined) kept.damaged += 1
  else if ('delivery' in line) kept.deliveries.set(line.delivery.event.id, line.delivery)
  else if ('envelope' in line) kept.envelopes.set(line.envelope.envelope.id, line.envelope)
  else if ('evicted' in line) kept.deliveries.delete(line.evicted)
  else kept.faults = line.faults
}
