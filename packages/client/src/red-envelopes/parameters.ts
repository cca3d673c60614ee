import { Buffer } from 'node:buffer'
import { isRecord } from '@hongbao/core/internal'

/** What is wrong with one parameter of a red envelope that is to be created. */
export interface ParameterFlaw {
  /** Name as Ping++ writes it: `amount`, `app[id]`, `extra[send_name]`. */
  readonly param: string
  /** What was found and what is expected, with unit and limit; never the value. Starts with the name. */
  readonly problem: string
}

/**
 * The first thing wrong with the parameters of `POST /v1/red_envelopes`, by the documented limits;
 * undefined if Ping++ would accept them. Unknown parameters are ignored. A null and an empty PHP
 * array, which comes as `[]`, count as missing.
 */
export function findParameterFlaw(params: unknown): ParameterFlaw | undefined {
  const given = isRecord(params) ? params : {}
  for (const rule of RULES) {
    const flaw = judge(rule, given)
    if (flaw !== undefined) return flaw
  }
  return undefined
}

type Params = Readonly<Record<string, unknown>>

/** What is wrong with a value, as the end of a sentence that starts with its name. */
type Check = (value: unknown, params: Params) => string | undefined

/** `required`: what is expected, if the parameter is missing. Without it, the parameter may be missing. */
type Rule = readonly [param: string, required: string | undefined, check: Check]

// WeChat's limits for a red envelope without a scene (API reference, "创建 Red Envelope 对象").
const MIN_FEN = 100
const MAX_FEN = 20_000
const SCENES = [1, 2, 3, 4, 5, 6, 7, 8].map((each) => `PRODUCT_${each}`)
// 20 pairs since July 2025, 10 before; the total did not change.
const MAX_METADATA_PAIRS = 20
const MAX_METADATA_CHARACTERS = 1000

/** The documented limits, in the order in which they are checked (guide, step 3; API reference). */
const RULES: readonly Rule[] = [
  ['app[id]', 'the id of your app, "app_…"', text()],
  ['channel', '"wx_pub"', text()],
  ['order_no', 'your own number, 1 to 28 digits', findOrderNoProblem],
  ['amount', 'an integer in fen, 100 for 1 yuan', findAmountProblem],
  ['currency', '"cny"', oneOf(['cny'], '"cny"')],
  ['recipient', 'the openid of who receives it', text()],
  ['subject', 'a title of at most 32 bytes', text(32)],
  ['body', 'a wish of at most 128 bytes', text(128)],
  ['description', 'a text of at most 255 bytes', text(255)],
  ['extra[send_name]', 'the name of who sends it, at most 32 bytes', text(32)],
  ['extra[scene_id]', undefined, oneOf(SCENES, '"PRODUCT_1" to "PRODUCT_8"')],
  ['metadata', undefined, findMetadataProblem],
]

/** The names of all documented parameters: `app`, `app[id]`, `channel`, … */
export const CREATE_PARAMETERS: readonly string[] = [
  ...new Set(RULES.flatMap(([param]) => [outerOf(param), param])),
]

function outerOf(param: string): string {
  return param.replace(/\[.*/, '')
}

function judge([param, required, check]: Rule, params: Params): ParameterFlaw | undefined {
  const name = outerOf(param)
  const member = param.slice(name.length + 1, -1)
  const outer = read(params, name)
  if (member !== '' && outer !== undefined && !isRecord(outer)) {
    return flawOf(name, `is ${kindOf(outer)}; an object with \`${member}\` is expected.`)
  }
  const value = member === '' ? outer : read(outer, member)
  if (value !== undefined) return flawOf(param, check(value, params))
  return flawOf(param, required === undefined ? undefined : `is missing: ${required}.`)
}

function flawOf(param: string, problem: string | undefined): ParameterFlaw | undefined {
  return problem === undefined ? undefined : { param, problem: `\`${param}\` ${problem}` }
}

/** A text that is not empty, of at most so many bytes of UTF-8. */
function text(maxBytes = Infinity): Check {
  return function findTextProblem(value) {
    if (typeof value !== 'string') return `is ${kindOf(value)}; a string is expected.`
    if (value === '') return 'is empty.'
    if (!value.isWellFormed()) return HALF_A_CHARACTER
    const bytes = Buffer.byteLength(value)
    if (bytes <= maxBytes) return undefined
    const characters = Math.floor(maxBytes / 3)
    return `has ${count(bytes)} bytes; at most ${maxBytes} are allowed, which is ${characters} Chinese characters.`
  }
}

function findOrderNoProblem(value: unknown): string | undefined {
  const expected = '1 to 28 digits are expected'
  if (typeof value !== 'string')
    return `is ${kindOf(value)}; a string of 1 to 28 digits is expected.`
  if (value === '') return `is empty; ${expected}.`
  if (/\D/.test(value)) return `has characters that are not digits 0 to 9; ${expected}.`
  return value.length <= 28 ? undefined : `has ${count(value.length)} digits; ${expected}.`
}

function oneOf(values: readonly unknown[], expected: string): Check {
  return function findChoiceProblem(value) {
    if (values.includes(value)) return undefined
    const found = typeof value === 'string' ? 'another string' : kindOf(value)
    return `is ${found}; ${expected} is expected.`
  }
}

function findAmountProblem(amount: unknown, params: Params): string | undefined {
  if (typeof amount !== 'number') return `is ${kindOf(amount)}; an integer in fen is expected.`
  if (!Number.isSafeInteger(amount)) return 'is not an integer in fen: 1.50 yuan is 150.'
  if (amount < 1) return 'is below 1 fen.'
  const isUsual = amount >= MIN_FEN && amount <= MAX_FEN
  if (isUsual || read(read(params, 'extra'), 'scene_id') !== undefined) return undefined
  const side = amount < MIN_FEN ? 'below 100' : 'above 20,000'
  return `is ${side} fen; 100 to 20,000 are allowed (1 to 200 yuan), others only with \`extra[scene_id]\`.`
}

function findMetadataProblem(metadata: unknown): string | undefined {
  if (!isRecord(metadata)) return `is ${kindOf(metadata)}; an object is expected.`
  const pairs = Object.entries(metadata).filter(([, value]) => value !== undefined)
  if (pairs.length > MAX_METADATA_PAIRS) {
    return `has ${count(pairs.length)} pairs; at most ${MAX_METADATA_PAIRS} are allowed.`
  }
  const nested = pairs.find(([, value]) => !isFlat(value))
  if (nested !== undefined) {
    return `holds ${kindOf(nested[1])}; texts, numbers, true and false are allowed, and nothing nested.`
  }
  const texts = pairs.flat().map((each) => (typeof each === 'string' ? each : JSON.stringify(each)))
  if (!texts.every((each) => each.isWellFormed())) return HALF_A_CHARACTER
  const characters = Array.from(texts.join('')).length
  if (characters <= MAX_METADATA_CHARACTERS) return undefined
  return `has ${count(characters)} characters, keys and values together; at most 1,000 are allowed.`
}

function isFlat(value: unknown): boolean {
  return value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)
}

const HALF_A_CHARACTER =
  'has half a character (a lone surrogate): was an emoji cut in two? UTF-8 cannot carry it.'

/** What JSON would carry: a member of the object's own, and not null. */
function read(from: unknown, name: string): unknown {
  if (!isRecord(from) || !Object.hasOwn(from, name)) return undefined
  const value = from[name] ?? undefined
  return Array.isArray(value) && value.length === 0 ? {} : value
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'number' && !Number.isFinite(value)) return 'no finite number'
  return `a ${typeof value}`
}

/** With thousands apart, in every locale. */
function count(of: number): string {
  return of.toLocaleString('en-US')
}
