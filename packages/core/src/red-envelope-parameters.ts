/** What is wrong with one parameter of a red envelope that is to be created. */
export interface ParameterFlaw {
  /** Name as Ping++ writes it: `amount`, `app[id]`, `extra[send_name]`. */
  readonly param: string
  /** What was found and what is expected, with unit and limit; never the whole value. */
  readonly problem: string
}

/**
 * The first thing wrong with the parameters of `POST /v1/red_envelopes`, by the documented limits;
 * undefined where Ping++ would take them. Unknown parameters are left alone.
 */
export function findParameterFlaw(_params: unknown): ParameterFlaw | undefined {
  throw new Error('not written yet')
}
