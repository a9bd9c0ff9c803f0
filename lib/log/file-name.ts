const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  ...["January", "February", "March", "April", "May", "June", "July", "August", "September"],
  ...["October", "November", "December"],
];

/**
 * Fills a log_filename: the conversions of strftime that make sense in a file name, in local time
 * and English (IEEE Std 1003.1, strftime). Unknown ones stay as they are.
 *
 * @param time Unix time in milliseconds.
 */
export function formatFileName(pattern: string, time: number): string {
  const date = new Date(time);
  return pattern.replace(/%(.)/gu, (whole, letter: string) => conversion(letter, date) ?? whole);
}

function conversion(letter: string, date: Date): string | undefined {
  const year = date.getFullYear();
  const hours = date.getHours();
  const day = DAYS[date.getDay()] ?? "";
  const month = MONTHS[date.getMonth()] ?? "";
  switch (letter) {
    case "%":
      return "%";
    case "Y":
      return String(year);
    case "y":
      return pad(year % 100, 2);
    case "C":
      return pad(year / 100, 2);
    case "m":
      return pad(date.getMonth() + 1, 2);
    case "B":
      return month;
    case "b":
    case "h":
      return month.slice(0, 3);
    case "d":
      return pad(date.getDate(), 2);
    case "e":
      return String(date.getDate()).padStart(2, " ");
    case "j":
      return pad(dayOfYear(date), 3);
    case "A":
      return day;
    case "a":
      return day.slice(0, 3);
    case "u":
      return String(date.getDay() || 7);
    case "w":
      return String(date.getDay());
    case "H":
      return pad(hours, 2);
    case "I":
      return pad(hours % 12 || 12, 2);
    case "p":
      return hours < 12 ? "AM" : "PM";
    case "M":
      return pad(date.getMinutes(), 2);
    case "S":
      return pad(date.getSeconds(), 2);
    case "s":
      return String(Math.trunc(date.getTime() / 1000));
    case "F":
      return `${year}-${pad(date.getMonth() + 1, 2)}-${pad(date.getDate(), 2)}`;
    case "T":
      return [hours, date.getMinutes(), date.getSeconds()].map((unit) => pad(unit, 2)).join(":");
    case "R":
      return `${pad(hours, 2)}:${pad(date.getMinutes(), 2)}`;
    default:
      return undefined;
  }
}

function dayOfYear(date: Date): number {
  const first = Date.UTC(date.getFullYear(), 0, 1);
  return (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - first) / 86_400_000 + 1;
}

function pad(value: number, digits: number): string {
  return String(Math.trunc(value)).padStart(digits, "0");
}
