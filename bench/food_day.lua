-- The request of bench/food_day.sh, and its result as one line: requests, seconds, failures, bytes per answer, p50 and p99 in ms.
local folder = os.getenv("BENCH_FOLDER")
local function read(name)
  local file = assert(io.open(folder .. "/" .. name))
  local text = file:read("*a")
  file:close()
  return text
end

wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer " .. read("token")
wrk.body = read("request.json")

function done(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format("RESULT %d %.6f %d %d %.2f %.2f\n", summary.requests, summary.duration / 1e6, failed,
    summary.bytes / math.max(summary.requests, 1), latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
