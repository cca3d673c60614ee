/**
 * The rows in what an ORM passes on from its driver: mysql2 returns a list of rows and fields, postgres
 * the rows, pg an object with `rows`.
 */
export function rowsOf(result: unknown): unknown {
  if (!Array.isArray(result)) return Reflect.get(Object(result), 'rows')
  return Array.isArray(result[0]) ? result[0] : result
}
