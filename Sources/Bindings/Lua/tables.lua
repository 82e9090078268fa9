-- Tables of text, as reports print them.
local tables = {}

-- 1234567 as 1,234,567.
function tables.thousands(n)
  local text = string.format("%d", n)
  local grouped = text:reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (grouped:gsub("^,", ""))
end

-- Rows under a line of titles. `columns` is {{title, function(row, first_row) -> text}, ...}; the first column is
-- flush left, the others right.
function tables.format(columns, rows)
  local lines, widths = {}, {}
  local cells = {}
  for i = 0, #rows do
    cells[i] = {}
    for c, column in ipairs(columns) do
      cells[i][c] = i == 0 and column[1] or column[2](rows[i], rows[1])
      widths[c] = math.max(widths[c] or 0, #cells[i][c])
    end
  end
  for i = 0, #rows do
    local parts = {}
    for c, text in ipairs(cells[i]) do
      local pad = string.rep(" ", widths[c] - #text)
      parts[c] = c == 1 and text .. pad or pad .. text
    end
    lines[#lines + 1] = table.concat(parts, "  ")
    if i == 0 then lines[#lines + 1] = string.rep("-", #lines[1]) end
  end
  return table.concat(lines, "\n")
end

return tables
