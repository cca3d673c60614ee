/** A statement with `?` for every placeholder, as some ORMs write it for Postgres too, and a value for each. */
export function withQuestionMarks(sql: string, values: readonly string[]): [string, string[]] {
  const parts = sql.split(/\$1|\?/)
  return [parts.join('?'), parts.slice(1).flatMap(() => values)]
}
