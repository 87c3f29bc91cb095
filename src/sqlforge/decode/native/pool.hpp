// Threads that stay: starting some for every step would cost more than the masks.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sqlforge {

class Pool {
 public:
  static Pool& shared() {
    static Pool* pool = new Pool();  // never destroyed: threads may outlive static objects
    return *pool;
  }

  // Calls work(i) for 0 <= i < n on up to `threads` threads, this one among them.
  void each(int n, int threads, const std::function<void(int)>& work) {
    if (threads <= 1 || n <= 1) {
      for (int i = 0; i < n; ++i) work(i);
      return;
    }
    std::lock_guard<std::mutex> one_caller(calls_);
    grow(threads - 1);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      next_ = 0;
      n_ = n;
      wanted_ = active_ = threads - 1;
      ++round_;
    }
    wake_.notify_all();
    run(work, n);
    std::unique_lock<std::mutex> lock(mutex_);
    idle_.wait(lock, [&] { return active_ == 0; });
  }

 private:
  void run(const std::function<void(int)>& work, int n) {
    for (int i; (i = next_.fetch_add(1)) < n;) work(i);
  }

  void grow(int threads) {
    while (int(threads_.size()) < threads) {
      const int index = int(threads_.size());
      std::lock_guard<std::mutex> lock(mutex_);
      threads_.emplace_back([this, index, seen = round_] { serve(index, seen); });
      threads_.back().detach();
    }
  }

  void serve(int index, uint64_t seen) {
    for (;;) {
      const std::function<void(int)>* work;
      int n;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return round_ != seen && index < wanted_; });
        seen = round_;
        work = work_;
        n = n_;
      }
      run(*work, n);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--active_ == 0) idle_.notify_one();
    }
  }

  std::mutex calls_, mutex_;
  std::condition_variable wake_, idle_;
  std::vector<std::thread> threads_;
  const std::function<void(int)>* work_ = nullptr;
  std::atomic<int> next_{0};
  int n_ = 0, wanted_ = 0, active_ = 0;
  uint64_t round_ = 0;
};

}  // namespace sqlforge
