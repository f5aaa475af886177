// Values in the form in which people read them.

const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** A time; for today without the date. */
export function moment(date: Date): string {
  const isToday = date.toDateString() === new Date().toDateString();
  return (isToday ? TIME : MOMENT).format(date);
}

/** A date without a time. */
export function day(date: string): string {
  const parsed = new Date(`${date}T00:00`);
  return Number.isNaN(parsed.getTime()) ? date : DAY.format(parsed);
}

export function isPast(date: string): boolean {
  const now = new Date();
  return new Date(`${date}T00:00`) < new Date(now.getFullYear(), now.getMonth(), now.getDate());
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

const FIELDS: Record<string, string> = { dueOn: 'due', projectId: 'project', taskId: 'task' };

export function fieldName(field: string): string {
  return FIELDS[field] ?? field;
}

/** A field's value as text; undefined if it has none. */
export function shown(value: unknown): string | undefined {
  if (value === null || value === undefined || value === '') return undefined;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
