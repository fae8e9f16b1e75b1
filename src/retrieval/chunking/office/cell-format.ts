import { format, getFormatFromId, isDateFormat } from 'numfmt';
import { readXml } from './xml.js';

/** The order of these depends on the reader's country: as ISO 8601 has it. */
const DATES: Readonly<Record<number, string>> = { 14: 'yyyy-mm-dd', 22: 'yyyy-mm-dd h:mm' };
const GENERAL = 'General';
/** From the first day of 1900's calendar to that of 1904's. */
const DAYS_TO_1904 = 1462;

/** Reads a workbook's styles; what it gives writes a number as a cell of a style shows it. */
export function loadCellFormats(styles: string, isDate1904: boolean): (value: string, style: number) => string {
  const patterns: Record<number, string> = { ...DATES };
  const patternOfStyle: string[] = [];
  let isInCellFormats = false;
  readXml(styles, {
    open(name, { numFmtId = '0', formatCode = '' }) {
      const id = Number(numFmtId);
      if (name === 'numFmt') patterns[id] = formatCode;
      else if (name === 'cellXfs') isInCellFormats = true;
      else if (name === 'xf' && isInCellFormats) patternOfStyle.push((patterns[id] ?? getFormatFromId(id)) || GENERAL);
    },
    close(name) {
      if (name === 'cellXfs') isInCellFormats = false;
    },
  });
  return (value, style) => {
    const pattern = patternOfStyle[style] ?? GENERAL;
    const number = Number(value);
    if (Number.isNaN(number) || (pattern === GENERAL && Number.isInteger(number))) return value;
    const serial = isDate1904 && isDateFormat(pattern) ? number + DAYS_TO_1904 : number;
    const shown = format(pattern, serial, { throws: false }).trim();
    // A format may hide a value, not fit it, or be none.
    return /^#*$/.test(shown) ? value : shown;
  };
}
