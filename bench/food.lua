-- The requests of bench/food.sh in turn, and their result as one line: requests, seconds, failures, bytes per answer, p50 and p99 in ms.
local folder, work = os.getenv("BENCH_FOLDER"), os.getenv("BENCH_WORK")
local function file(name)
  return assert(io.open(folder .. "/" .. name))
end

wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer " .. file("token"):read("*a")
local bodies, turn = {}, 0
for body in file(work .. ".requests"):lines() do
  bodies[#bodies + 1] = body
end

function request()
  turn = turn % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[turn])
end

function done(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format("RESULT %d %.6f %d %d %.2f %.2f\n", summary.requests, summary.duration / 1e6, failed,
    summary.bytes / math.max(summary.requests, 1), latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
